"""The bills are of what infra/ deploys: its alert rules, its test from outside, its backups."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bench.bills import backups, bill
from tests.infrastructure import alert_rules, module, program

MINUTES = {"PT5M": 5, "PT15M": 15, "PT1H": 60}
ALERTS = module("alerts")


def test_each_rule_on_logs_is_paid_for_by_how_often_it_looks() -> None:
    times: Any = ALERTS.variables
    looks = Counter(MINUTES[times[rule["time"].text]["every"]] for rule in alert_rules())
    assert looks[5] == bill.RULES_5
    assert looks[15] + looks[60] == bill.RULES_15, "slower than 15 minutes costs no less"
    found = [one for one in ALERTS.resources if one.type.endswith("/scheduledQueryRules")]
    assert [one.loop.text if one.loop else None for one in found] == ["rules"], "and no others"


def test_each_rule_on_metrics_is_paid_for() -> None:
    everywhere = [one for file in program().files for one in file.resources]
    found = [one for one in everywhere if one.type.endswith("/metricAlerts")]
    assert len(found) == bill.RULES_METRIC and not any(one.loop for one in found)


def test_each_request_of_the_test_from_outside_is_paid_for() -> None:
    (probe,) = (one for one in ALERTS.resources if one.type.endswith("/webtests"))
    properties: Any = probe.body["properties"]
    places: Any = ALERTS.params["probeLocations"].default
    assert len(places) * bill.DAY / properties["Frequency"] == bill.PROBES


def test_backups_move_and_are_kept_as_by_default() -> None:
    given = {name: one.default for name, one in program().main.params.items()}
    tiers = given["backupCoolAfterDays"], given["backupColdAfterDays"]
    assert tiers == (backups.COOL_AFTER, backups.COLD_AFTER)
    assert given["backupSoftDeleteDays"] == backups.SOFT_DELETE_DAYS
