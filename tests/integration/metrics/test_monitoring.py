"""The alert rules and the dashboard name metrics that exist, and the rules fire when they ought to.

The rules' expressions are simple comparisons, which are evaluated here by hand.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.engine.conftest import Engine
from tests.integration.jobs.test_exact import lived
from tests.integration.jobs.truth import sweep
from tests.integration.metrics.scraped import Series, scrape

FOLDER = Path(__file__).parents[3] / "infra" / "monitoring"
RULES: Mapping[str, Mapping[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"]
    for rule in group["rules"]
}
PANELS: list[dict[str, Any]] = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
COMPARED = re.compile(r"(?P<now>time\(\) - )?(?P<name>\w+) (?P<how>[<>]) (?P<limit>[0-9.]+)")
HOW = {"<": operator.lt, ">": operator.gt}


def expressions() -> list[str]:
    told = [target["expr"] for panel in PANELS for target in panel["targets"]]
    return [*told, *(rule["expr"] for rule in RULES.values())]


def fires(alert: str, found: Mapping[Series, float], now: float) -> set[str]:
    """The schedules, or "" for none, for which the expression holds."""
    match = COMPARED.fullmatch(RULES[alert]["expr"])
    assert match, RULES[alert]["expr"]
    return {
        dict(labels).get("schedule_id", "")
        for (name, labels), value in found.items()
        if name == match["name"]
        and HOW[match["how"]](now - value if match["now"] else value, float(match["limit"]))
    }


def test_each_metric_that_they_name_exists(engine: Engine) -> None:
    lived(engine)
    engine.later(70)
    sweep(engine.app)
    engine.app.clocks.tick("test")
    there = {name for name, _ in scrape(engine.app)}
    named = {name for one in expressions() for name in re.findall(r"[a-z_]+", one)}
    named = {one for one in named if re.match("(commandcenter|schedule|belfry)_", one)}
    assert len(named) > 8
    assert named - {"schedule_id"} <= there


def test_what_c18_asks_for_is_there() -> None:
    assert RULES["ScheduleFailsOften"]["for"] == "1h"
    assert {"Success rate", "Due schedules", "Failures by type", "Average duration"} <= {
        panel["title"] for panel in PANELS
    }


def test_the_rules_fire_when_they_ought_to(engine: Engine) -> None:
    good, bad = engine.add(), engine.add("fails", max_attempts=1)
    for _ in range(2):
        engine.later(60)
        engine.app.clocks.tick("test")
        engine.work()
    engine.later(70)
    sweep(engine.app)

    def told(alert: str) -> set[str]:
        return fires(alert, scrape(engine.app), engine.clock.now().timestamp())

    assert told("ScheduleFailsOften") == {bad.id}
    assert told("ScheduleHasNotRun") == set()
    assert told("DispatcherDown") == set()
    engine.later(231)
    assert told("DispatcherDown") == {""}
    assert told("SchedulesOverdue") == set(), "handed out ahead"
    engine.app.clocks.tick("test")
    assert told("DispatcherDown") == set()
    engine.later(604_800 - 301)
    assert told("ScheduleHasNotRun") == set()
    engine.later(400)
    assert told("ScheduleHasNotRun") == {good.id, bad.id}
    assert told("SchedulesOverdue") == {""}


@pytest.mark.parametrize("panel", PANELS, ids=[one["title"] for one in PANELS])
def test_a_panel_has_what_grafana_needs(panel: dict[str, Any]) -> None:
    assert panel["type"] in ("timeseries", "stat", "table")
    assert panel["gridPos"].keys() == {"x", "y", "w", "h"}
    assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
    for target in panel["targets"]:
        assert target["datasource"]["uid"] == "${source}"
        for opening, closing in ("()", "{}", "[]"):
            assert target["expr"].count(opening) == target["expr"].count(closing)
