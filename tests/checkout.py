"""A fresh copy of the project with the files that CONTRIBUTING.md shows, made as it says."""

from __future__ import annotations

import re
import shutil
import textwrap
from pathlib import Path

REPO = Path(__file__).parents[1]
PAGE = (REPO / "CONTRIBUTING.md").read_text()
_TESTS = ("__init__.py", "conftest.py", "context.py", "forked.py", "unit/__init__.py")
_NOT = shutil.ignore_patterns("__pycache__", "node_modules", ".*")


def make(folder: Path) -> None:
    """Make it there: of what git keeps, without the other tests, and with the environments."""
    for package in ("shared", "functions", "local"):
        shutil.copytree(REPO / package, folder / package, ignore=_NOT)
    for file in (one for one in REPO.iterdir() if one.is_file() and _is_kept(one.name)):
        shutil.copy2(file, folder)  # with its time: make compares it
    for environment in REPO.glob(".venv*"):
        (folder / environment.name).symlink_to(environment.resolve())
    (folder / "tests" / "unit").mkdir(parents=True)
    for name in _TESTS:
        shutil.copy(REPO / "tests" / name, folder / "tests" / name)
    for name, code in files().items():
        (folder / name).write_text(code)


def _is_kept(name: str) -> bool:
    return not name.startswith(".") and name != "local.settings.json"


def files() -> dict[str, str]:
    """Each block of code that has the name of a file before it."""
    blocks = re.findall(r"`([\w/]+\.py)`:\n\n *```python\n(.*?)\n *```", PAGE, re.DOTALL)
    return {name: textwrap.dedent(code) + "\n" for name, code in blocks}


def commands() -> list[str]:
    """What step 3 says to type, in its order."""
    step = PAGE.partition("\n3. ")[2].partition("\n4. ")[0]
    return [one.strip("`") for one in re.findall(r"`[^`]+`", step)]
