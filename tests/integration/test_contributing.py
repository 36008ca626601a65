"""CONTRIBUTING.md, followed to the letter: what it shows works, and passes `make check`."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from shared import errors

REPO = Path(__file__).parents[2]
PAGE = (REPO / "CONTRIBUTING.md").read_text()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The project with the files of the page added."""
    for shared in ("shared", "local", "pyproject.toml", "function_app.py", ".venv"):
        (tmp_path / shared).symlink_to(REPO / shared)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPO / "functions", tmp_path / "functions", ignore=ignored)
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    for name in ("__init__.py", "conftest.py", "context.py", "unit/__init__.py"):
        shutil.copy(REPO / "tests" / name, tmp_path / "tests" / name)
    for name, code in files().items():
        (tmp_path / name).write_text(code)
    return tmp_path


def files() -> dict[str, str]:
    """Each block of code that has the name of a file before it."""
    blocks = re.findall(r"`([\w/]+\.py)`:\n\n *```python\n(.*?)\n *```", PAGE, re.DOTALL)
    return {name: textwrap.dedent(code) + "\n" for name, code in blocks}


def run(checkout: Path, *words: str) -> str:
    """What `python WORDS` prints, in a shell without any settings."""
    command = [sys.executable, *words]
    done = subprocess.run(
        command, cwd=checkout, env={}, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_task_passes_its_test(checkout: Path) -> None:
    command = re.search(r"`make test ARGS=(tests/unit/test_export_cleanup.py)`", PAGE)
    assert command and "3 passed" in run(checkout, "-m", "pytest", "-q", command[1])


def test_the_task_is_one_of_the_apps(checkout: Path) -> None:
    code = "import functions; print([task.name for task in functions.tasks()])"
    assert "'export_cleanup'" in run(checkout, "-c", code)
    assert "functions.export_cleanup" in run(checkout, "-m", "functions.export_cleanup", "--help")


def test_its_files_are_as_make_check_wants_them(checkout: Path) -> None:
    assert list(files()) == ["functions/export_cleanup.py", "tests/unit/test_export_cleanup.py"]
    run(checkout, "-m", "ruff", "check", "--no-cache", *files())
    run(checkout, "-m", "ruff", "format", "--no-cache", "--check", *files())


def test_errors_are_made_and_end_jobs_as_the_table_says() -> None:
    rows = re.findall(r"^\| `(\w+)\((.*)\)` \|.*\| (ends|is tried again) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 5
    for name, arguments, follows in rows:
        made = getattr(errors, name)(*re.findall(r'"([^"]*)"', arguments))
        assert (follows == "ends") is made.permanent
