"""The smoke test that a deployment ends with, against the running app."""

from __future__ import annotations

import httpx
import pytest

from checks import smoke
from tests.e2e.conftest import Belfry


def test_it_passes_a_running_app_and_leaves_no_schedule_behind(
    belfry: Belfry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert smoke.main([belfry.url, "--patience", "60"], {}) == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    assert said.count("passed:") == 4 and "ran once to success" in said
    schedules = httpx.get(f"{belfry.url}/api/v1/schedules").json()["schedules"]
    assert not [one for one in schedules if one["name"].startswith("Smoke test")]
