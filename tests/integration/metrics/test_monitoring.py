"""The alert rules and the dashboard, by a real Prometheus that scrapes a real app."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from local.azurite import Azurite
from local.prometheus import Programs, programs
from shared.alerts.port import AlertKind
from tests.integration.engine.conftest import Engine, make, tap
from tests.integration.engine.test_backfill import off, past
from tests.integration.jobs.test_exact import lived
from tests.integration.jobs.truth import sweep
from tests.integration.metrics.prometheus import RULES, Server, scraping

FOLDER = RULES.parent
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
PANELS: list[dict[str, Any]] = [one for one in DASHBOARD["panels"] if one["type"] != "row"]
ALERTS: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
]
SHOWN = {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in PANELS
    for target in panel["targets"]
}


@pytest.fixture(scope="module")
def found() -> Programs:
    return programs()


def promtool(found: Programs, *command: str, given: str | None = None) -> str:
    done = subprocess.run(
        [found.promtool, *command], cwd=FOLDER, input=given, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_promtool_takes_the_rules(found: Programs) -> None:
    assert f"{len(ALERTS)} rules found" in promtool(
        found, "check", "rules", "--lint-fatal", "rules.yml"
    )


def test_each_rule_fires_when_it_ought_to_and_not_before(found: Programs) -> None:
    promtool(found, "test", "rules", "rules_test.yml")
    cases = [
        one
        for test in yaml.safe_load((FOLDER / "rules_test.yml").read_text())["tests"]
        for one in test["alert_rule_test"]
    ]
    names = {rule["alert"] for rule in ALERTS}
    assert {one["alertname"] for one in cases if one["exp_alerts"]} == names, "each fires once"
    assert {one["alertname"] for one in cases if not one["exp_alerts"]} == names, "and is silent"


HISTORIC = ("commandcenter_schedules_total", "commandcenter_schedule_runs_total")


def test_promtool_takes_the_metrics(found: Programs, engine: Engine) -> None:
    lived(engine)
    engine.app.clocks.tick("test")
    text = engine.app.metrics.text(None).decode()
    done = subprocess.run(
        [found.promtool, "check", "metrics"], input=text, capture_output=True, text=True
    )
    told = [line for line in done.stderr.splitlines() if not line.startswith(HISTORIC)]
    assert told == [], "names that C18 asks for may break a habit; no other does"


@pytest.fixture(scope="module")
def server(
    found: Programs, azurite: Azurite, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """It scraped an app in which jobs succeed and fail between one scrape and the next."""
    engine = make(azurite)
    tap(engine)
    lived(engine)
    engine.app.backfills.start(off(engine).id, past(20))
    engine.app.alerts().open(AlertKind.CLOCK_SILENT, "x", "a clock is silent")

    def happens() -> None:
        engine.later(60)
        engine.app.clocks.tick("test")
        engine.tick()
        engine.work()
        engine.later(70)
        sweep(engine.app)

    with scraping(found, engine, happens, tmp_path_factory.mktemp("prom")) as made:
        yield made


def chosen(expression: str) -> str:
    """With every schedule chosen, as Grafana fills the variable in."""
    return expression.replace("$schedule", ".*")


@pytest.mark.parametrize("name", SHOWN)
def test_each_query_of_the_dashboard_has_series(server: Server, name: str) -> None:
    assert server.query(chosen(SHOWN[name]))


SELECTOR = re.compile(r"\b(?:commandcenter|schedule|belfry)_\w+(?:\{[^}]*\})?(?:\[\w+\])?")


@pytest.mark.parametrize("rule", ALERTS, ids=[one["alert"] for one in ALERTS])
def test_each_selector_of_a_rule_has_series(server: Server, rule: dict[str, Any]) -> None:
    server.query(rule["expr"])
    for selector in SELECTOR.findall(rule["expr"]):
        assert server.query(selector), selector


def test_it_evaluates_the_rules_and_fires_those_that_it_ought_to(server: Server) -> None:
    rules = server.rules()
    assert {name for name, rule in rules.items() if rule["health"] == "err"} == set()
    firing = {name for name in rules if server.query(f'ALERTS{{alertname="{name}"}}')}
    # the app's clock is in the past of Prometheus', so every schedule ran long ago
    assert {"BelfryAlert", "ScheduleHasNotRun", "ScheduleFailsOften"} <= firing
    assert not {"DispatcherDown", "DispatcherUnknown"} & firing


def test_the_variable_has_the_schedules(server: Server) -> None:
    (variable,) = [one for one in DASHBOARD["templating"]["list"] if one["name"] == "schedule"]
    match = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"])
    assert match and variable["query"]["query"] == variable["definition"]
    assert all(match[2] in one["metric"] for one in server.query(match[1]))


def test_what_c18_asks_for_is_there() -> None:
    assert {"Success rate", "Due schedules", "Failures by type", "Average duration"} <= {
        panel["title"] for panel in PANELS
    }
    by_name = {rule["alert"]: rule for rule in ALERTS}
    often = by_name["ScheduleFailsOften"]
    assert (often["expr"], often["for"]) == ("schedule_success_rate < 0.8", "1h")
    assert by_name["ScheduleHasNotRun"]["expr"].endswith("> 604800")
    assert by_name["DispatcherDown"]["expr"] == "belfry_tick_age_seconds > 300"


@pytest.mark.parametrize("panel", PANELS, ids=[one["title"] for one in PANELS])
def test_a_panel_says_what_it_is_and_has_its_place(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    assert panel["type"] in ("timeseries", "stat", "table")
    place = panel["gridPos"]
    assert place["x"] + place["w"] <= 24
    overlaps = [
        other["title"]
        for other in PANELS
        if other is not panel
        and abs(2 * (other["gridPos"]["x"] - place["x"]) + other["gridPos"]["w"] - place["w"])
        < other["gridPos"]["w"] + place["w"]
        and abs(2 * (other["gridPos"]["y"] - place["y"]) + other["gridPos"]["h"] - place["h"])
        < other["gridPos"]["h"] + place["h"]
    ]
    assert overlaps == []
    assert all(target["datasource"]["uid"] == "${source}" for target in panel["targets"])
    assert len({one["id"] for one in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
