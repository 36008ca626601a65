"""Lock files that are not in step with what they lock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checks.safety import locks
from checks.safety.finding import Problem

REPO = Path(__file__).parents[4]
ASKED = (
    "# what it imports\nfastapi>=0.100\nUvicorn[standard] ; python_version > '3'\n-c other.txt\n"
)
LOCKED = """\
fastapi==0.120.0 \\
    --hash=sha256:aa
    # via -r requirements.in
starlette==0.50.0 \\
    --hash=sha256:bb
    # via fastapi
uvicorn[standard]==0.30.0 ; python_version > '3' \\
    --hash=sha256:cc
    # via
    #   -r requirements.in
    #   other
"""


def test_our_own_are_in_step() -> None:
    assert [one for one in locks.check(REPO) if isinstance(one, Problem)] == []


def python(folder: Path, asked: str, locked: str) -> list[str]:
    (folder / "requirements.in").write_text(asked)
    (folder / "requirements.txt").write_text(locked)
    return [one.what for one in locks.python(folder, "requirements")]


@pytest.mark.parametrize(
    ("asked", "locked", "said"),
    [
        (ASKED, LOCKED, None),
        (ASKED + "httpx\n", LOCKED, "requirements.in asks for httpx, which"),
        (ASKED.replace(">=0.100", ">=0.121"), LOCKED, "pins fastapi 0.120.0"),
        (ASKED.replace("fastapi>=0.100\n", ""), LOCKED, "pins fastapi for requirements.in, which"),
        (ASKED, LOCKED.replace("    --hash=sha256:bb\n", ""), "pins starlette without a hash"),
    ],
)
def test_of_python(tmp_path: Path, asked: str, locked: str, said: str | None) -> None:
    found = python(tmp_path, asked, locked)
    assert found == [] if said is None else len(found) == 1 and said in found[0]


def test_what_is_tested_in_another_version_than_deployed(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(LOCKED)
    (tmp_path / "requirements-dev.txt").write_text(LOCKED.replace("0.50.0", "0.51.0"))
    (found,) = locks.same_versions(tmp_path, "requirements-dev", "requirements")
    assert "starlette 0.50.0" in found.what


def test_of_node(tmp_path: Path) -> None:
    def found(wanted: dict[str, str], installed: dict[str, object]) -> list[str]:
        (tmp_path / "package.json").write_text(json.dumps({"devDependencies": wanted}))
        packages = {"": {"devDependencies": {"eslint": "10.0.0"}}, "node_modules/eslint": installed}
        (tmp_path / "package-lock.json").write_text(json.dumps({"packages": packages}))
        return [one.what for one in locks.node(tmp_path, "frontend")]

    hashed: dict[str, object] = {"version": "10.0.0", "integrity": "sha512-x"}
    assert found({"eslint": "10.0.0"}, hashed) == []
    assert "other devDependencies" in found({"eslint": "10.1.0"}, hashed)[0]
    assert "no hash of node_modules/eslint" in found({"eslint": "10.0.0"}, {})[0]
