"""A critical file changes only with its line in the list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.safety import critical
from checks.safety.finding import Problem
from checks.safety.sign_off import sign_off

REPO = Path(__file__).parents[4]
MONEY = "shared/billing/switch.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in (MONEY, "host.json", "infra/main.bicep", "shared/text.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "checks/safety").mkdir(parents=True)
    sign_off(tmp_path)
    return tmp_path


def problems(root: Path) -> Iterator[str]:
    return (one.what for one in critical.check(root) if isinstance(one, Problem))


def test_what_was_signed_off_passes(project: Path) -> None:
    assert list(problems(project)) == []
    (project / "shared/text.py").write_text("not critical")
    assert list(problems(project)) == []


def test_one_changed_byte_is_found(project: Path) -> None:
    (project / MONEY).write_text(f"{MONEY} ")
    assert list(problems(project)) == [f"{MONEY} is not as it was signed off"]
    assert sign_off(project) == [f"changed  {MONEY}"]
    assert list(problems(project)) == []


def test_a_new_file_and_one_that_is_gone_are_found(project: Path) -> None:
    (project / "shared/billing/new.py").write_text("")
    (project / "host.json").unlink()
    assert list(problems(project)) == [
        "host.json is signed off, and is not there",
        "shared/billing/new.py is critical, and not signed off",
    ]
    assert sign_off(project) == ["removed  host.json", "new      shared/billing/new.py"]


def test_a_line_that_somebody_removed_is_found(project: Path) -> None:
    listed = project / critical.LIST
    lines = listed.read_text().splitlines(keepends=True)
    listed.write_text("".join(line for line in lines if MONEY not in line))
    assert list(problems(project)) == [f"{MONEY} is critical, and not signed off"]


def test_without_a_list_nothing_passes(project: Path) -> None:
    (project / critical.LIST).unlink()
    assert len(list(problems(project))) == 3


def test_each_pattern_names_a_file_that_there_is() -> None:
    """So a file that was moved does not drop out of the list without a word."""
    gone = [
        pattern
        for patterns in critical.CRITICAL.values()
        for pattern in patterns
        if not any(REPO.glob(pattern))
    ]
    assert gone == []


def test_the_gate_is_critical_itself() -> None:
    named = critical.hashes(REPO)
    assert {"checks/safety/critical.py", "checks/safety/exceptions.toml"} <= named.keys()
    assert ".github/workflows/deploy.yml" in named and critical.LIST not in named
