"""CONTRIBUTING.md, followed to the letter: what it shows works, and passes `make check`.

What it says to type is typed in tests/e2e/test_contributing.py.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shared import errors
from tests import checkout
from tests.checkout import PAGE, files

TASK = ["functions/operations/export_cleanup.py", "tests/unit/test_export_cleanup.py"]


LATER = [file.replace("cleanup", "later") for file in TASK]
"""The same task and the same test, but for `async`."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the files of the page added, and the same as a coroutine."""
    folder = tmp_path_factory.mktemp("project")
    checkout.make(folder)
    for name, code in files().items():
        code = code.replace("export_cleanup", "export_later")
        code = code.replace("\ndef export", "\nasync def export")
        (folder / name.replace("cleanup", "later")).write_text(code)
    return folder


def run(project: Path, *words: str) -> str:
    """What `python WORDS` prints, in a shell without any settings."""
    command = [sys.executable, *words]
    done = subprocess.run(
        command, cwd=project, env={}, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_task_passes_its_test_and_so_does_a_coroutine(project: Path) -> None:
    assert "async def export_later(job" in (project / LATER[0]).read_text()
    assert "6 passed" in run(project, "-m", "pytest", "-q", TASK[1], LATER[1])


def test_the_task_is_one_of_the_apps(project: Path) -> None:
    code = "import functions; print([task.name for task in functions.tasks()])"
    assert "'export_cleanup'" in run(project, "-c", code)
    assert "functions export_cleanup" in run(project, "-m", "functions", "export_cleanup", "--help")


def test_the_tests_that_know_all_tasks_know_the_new_one(project: Path) -> None:
    known = (f"tests/integration/{name}.py" for name in ("__init__", "test_runtime", "test_cli"))
    helpers = (str(one.relative_to(checkout.REPO)) for one in checkout.REPO.glob("tests/*.py"))
    for name in (*known, *helpers):
        there = project / name
        there.parent.mkdir(exist_ok=True)
        shutil.copy(checkout.REPO / name, there)
    vendors = Path("tests", "vendors")
    shutil.copytree(checkout.REPO / vendors, project / vendors, dirs_exist_ok=True)
    both = ("-k", "every_function_is_indexed or all_tasks_are_listed", "tests/integration")
    assert "2 passed" in run(project, "-m", "pytest", "-q", *both)


def test_its_files_are_as_make_check_wants_them(project: Path) -> None:
    assert list(files()) == TASK
    both = [*TASK, *LATER]
    run(project, "-m", "ruff", "check", "--no-cache", *both)
    run(project, "-m", "ruff", "format", "--no-cache", "--check", *both)
    run(project, "-m", "mypy", *both)


def test_errors_are_made_and_end_jobs_as_the_table_says() -> None:
    rows = re.findall(r"^\| `(\w+)\((.*)\)` \|.*\| (ends|is tried again) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 5
    for name, arguments, follows in rows:
        made = getattr(errors, name)(*re.findall(r'"([^"]*)"', arguments))
        assert (follows == "ends") is made.permanent
