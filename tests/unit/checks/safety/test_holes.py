"""Known holes, and a database of them that cannot be reached."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from checks.safety import exceptions, holes
from checks.safety.finding import Finding, Note, Problem

REPO = Path(__file__).parents[4]
HOLE = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-2"], "fix_versions": ["1.1"]}


def package(*found: object) -> dict[str, Any]:
    return {"name": "wheel", "version": "1.0", "vulns": list(found)}


def checked(
    audited: list[dict[str, Any]], online: bool, monkeypatch: pytest.MonkeyPatch
) -> list[Finding]:
    monkeypatch.setattr(holes, "audit", lambda _: audited)
    return list(holes.check(REPO, online=online))


def test_a_hole_is_found_with_the_version_that_mends_it() -> None:
    (found,) = holes.judge([package(HOLE), package()], {})
    assert found.what == "wheel 1.0: PYSEC-2026-1, fixed in 1.1" and "make lock" in found.do


def test_a_package_that_could_not_be_looked_up_is_a_problem() -> None:
    (found,) = holes.judge([package(), {"name": "gone", "skip_reason": "not found: gone"}], {})
    assert found.what == "not found: gone"


@pytest.mark.parametrize("id", ["PYSEC-2026-1", "CVE-2026-2"])
def test_a_written_reason_excuses_it_by_any_of_its_names(id: str) -> None:
    assert list(holes.judge([package(HOLE)], {id: "never called"})) == []


def test_a_reason_for_a_hole_that_is_gone_is_found() -> None:
    (found,) = holes.judge([package()], {"PYSEC-2026-1": "never called"})
    assert "no longer there" in found.what


def test_a_database_that_is_away_is_said_and_only_online_a_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (note,) = checked([], False, monkeypatch)
    assert isinstance(note, Note) and "not looked at" in note.text
    (problem,) = checked([], True, monkeypatch)
    assert isinstance(problem, Problem)


def test_a_database_that_knows_nothing_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a mirror of PyPI, and one to which there is no way."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    file = tmp_path / "requirements.txt"
    file.write_text("certifi==2020.4.5\n")
    assert holes.audit(file) == []


def test_the_exceptions_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "checks/safety"
    folder.mkdir(parents=True)
    shutil.copy(REPO / exceptions.FILE, folder)
    assert all(exceptions.read(tmp_path).licenses.values())
