"""`python -m checks`: one line for a check that is fine, every problem, and an exit code."""

from pathlib import Path

import pytest

from checks import __main__ as command
from checks.bicep.check import check
from tests.unit.checks.bicep.deployments import SOUND, changed


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(command, "ROOT", tmp_path)
    return tmp_path


def test_a_check_that_is_fine_prints_one_line(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "infra").symlink_to(SOUND)
    assert command.main(["bicep"]) == 0
    assert capsys.readouterr().out == "bicep: 5 Bicep files: nothing found\n"


def test_a_problem_is_printed_with_its_place(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = changed(project, "modules/app.bicep", "httpsOnly: true", "httpsOnly: 'yes'")
    copy.rename(project / "infra")
    assert command.main(["bicep"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "infra/modules/app.bicep:59: app.properties.httpsOnly: 'yes' where bool is wanted",
        "bicep: 5 Bicep files: 1 problem",
    ]


def test_a_project_without_infrastructure_is_fine(project: Path) -> None:
    assert check(project).problems == ()


def test_an_unknown_check_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["terraform"]) == 2
    assert "there is no check terraform; there are bicep" in capsys.readouterr().out


@pytest.mark.parametrize("name", command.QUICK)
def test_every_check_that_is_listed_exists(name: str) -> None:
    assert callable(command.find(name))
