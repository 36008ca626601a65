"""The queries of Azure's alert rules and workbook name what our log lines have."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from checks.monitoring import events, kql, queries
from checks.monitoring.check import check
from shared.alerts.kinds import KINDS
from shared.alerts.port import AlertKind
from shared.log import Event, event
from tests.infrastructure import alert_rules
from tests.served import api

ROOT = Path(__file__).parents[3]
RULES_IN_AZURE = {rule["name"]: rule for rule in alert_rules()}
QUERIES = queries.found(ROOT)
RULES = {Path(one.place).stem: one.text for one in queries.rules(ROOT)}
PAGE = (ROOT / "docs" / "monitoring.md").read_text()


@pytest.fixture(scope="module")
def fields() -> Mapping[str, frozenset[str]]:
    return events.written(ROOT)


def test_they_do() -> None:
    found = check(ROOT)
    assert found.problems == ()
    assert found.looked_at == f"{len(QUERIES)} queries" and len(QUERIES) > 40


def test_each_event_is_written_somewhere(fields: Mapping[str, frozenset[str]]) -> None:
    assert {name for name, known in fields.items() if not known} == {"clock_right"}
    assert fields["tick_done"] == {"clock", "dispatched", "recorded", "lost", "failed"}
    assert {"count", "error", "duration_seconds"} <= fields["job_failed"]
    assert {"channel", "error", "next_at"} <= fields["notification_failed"]
    assert "lateness_seconds" in fields["job_taken_over"] and "count" not in fields["job_started"]
    assert {"source", "age_seconds"} <= fields["backup_age"]


WRONG = {
    'AppTraces | where Message startswith_cs "tick_did "': "no event of shared.log begins with",
    'AppTraces | where Message matches regex "^job_(failed|exploded) "': "does not have",
    'AppTraces | where Message startswith_cs "tick_done " and Message has_cs "who=x"': (
        "no line of tick_done has a field who"
    ),
    'AppTraces | where Message startswith_cs "x " and Message has_cs "who=x"': (
        "it names no event whose line has a field who"
    ),
    'AppTraces | where Message startswith_cs "app_started " | take extract(@" a=", 1)': (
        "no line of app_started has a field a"
    ),
    "AppTraces | where message has 'x'": "message is no column of AppTraces",
    "AppTraces | summarize P = percentile(DurationMs, 95)": "DurationMs is no column of AppTraces",
    "AppTrace | project TimeGenerated": "it reads no table that is known",
    "AppRequests | mv-expand Url": "mv is no column of AppRequests, and no word of KQL known here",
    "Usage | where TimeGenerated > {Since}": "the workbook has no parameter Since",
}


@pytest.mark.parametrize("query", WRONG)
def test_what_does_not_exist_is_found(query: str, fields: Mapping[str, frozenset[str]]) -> None:
    found = list(kql.problems(query, fields))
    assert any(WRONG[query] in one for one in found), found


def test_what_is_in_a_comment_or_a_text_is_no_name(fields: Mapping[str, frozenset[str]]) -> None:
    query = """// What it "finds" // and more
    AppTraces
    | where Message has "https://x y" and Message has 'it''s'  // the end
    | project TimeGenerated, Said = tostring(Properties.FormattedMessage)"""
    assert list(kql.problems(query, fields)) == []


SAMPLES: Mapping[str, object] = {
    "error": 'the server said "no" \\ and left',
    "about": "the company's database",
    "attempt": 3,
    "count": 41,
    "lateness_seconds": 0.25,
    "duration_seconds": 12.5,
    "age_seconds": 86_400.0,
}


@pytest.mark.parametrize("place", [one.place for one in QUERIES if kql.extracts(one.text)])
def test_what_it_takes_out_of_a_line_is_there(
    place: str, fields: Mapping[str, frozenset[str]], caplog: pytest.LogCaptureFixture
) -> None:
    """The lines are those that `event` writes, with every field that the event has."""
    (query,) = [one.text for one in QUERIES if one.place == place]
    caplog.set_level(logging.INFO)
    for name in kql.events(query, fields):
        given = {one: SAMPLES.get(one, f"a.{one}-1") for one in sorted(fields[name])}
        event(logging.getLogger("belfry.test"), Event(name), **given)  # type: ignore[arg-type]
        line = caplog.records[-1].getMessage()
        for pattern in kql.extracts(query):
            field = re.match(r" (\w+)=", pattern)
            if field is None:
                assert re.search(pattern, line), "the event's own name"
            elif field[1] in given:
                found = re.search(pattern, line)
                assert found, f"{pattern} finds nothing in {line}"
                value = found[1]
                if value.startswith('"'):
                    value = json.loads(value)
                assert value == str(given[field[1]])


def test_each_query_has_a_rule_and_a_section() -> None:
    for name, rule in RULES_IN_AZURE.items():
        assert rule["query"].text == f"loadTextContent('../monitoring/queries/{name}.kql')"
    named = RULES_IN_AZURE.keys()
    assert named == RULES.keys()
    sections = set(re.findall(r"^### ([a-z-]+)$", PAGE, re.MULTILINE))
    assert sections == named | {"not-up", "storage-availability"}


@pytest.mark.parametrize("name", RULES)
def test_a_query_says_what_it_finds_and_a_rule_compares_what_it_gives(name: str) -> None:
    assert re.match(r"// [A-Z].+\.\n", RULES[name]), "its first line says what it finds"
    rule = RULES_IN_AZURE[name]
    for column in (rule[key] for key in ("by", "measure") if key in rule):
        assert re.search(rf"\b{column}\b", RULES[name].split("|")[-1]), (
            "what is left has the column"
        )
    assert "measure" in rule or "| summarize" not in RULES[name], "a sum is one row, whatever it is"
    of_rows = {"tick-stopped", "storage-away", "invocations-failed"}
    assert ("threshold" in rule) == ("measure" in rule or name in of_rows)


def test_each_kind_of_alert_reaches_azures_people_by_one_rule() -> None:
    """One without a rule of its own goes by `told-critical` or `told-warning`, also a new one."""
    own = {
        severity: set(re.findall(r'"([a-z_]+)"', RULES[f"told-{severity}"].split("!in")[1]))
        - {"approvals_"}
        for severity in ("critical", "warning")
    }
    for severity, kinds in own.items():
        for kind in kinds:
            assert (KINDS[AlertKind(kind)].severity.value == "critical") == (severity == "critical")
    others = "\n".join(text for name, text in RULES.items() if not name.startswith("told-"))
    lines = {"job_dead": "job_failed", "spend_exceeded": "kind=spend_exceeded"}
    for kind in own["critical"] | own["warning"]:
        assert lines.get(kind, f'"{kind} ') in others, f"{kind} has a rule of its own"


def test_the_requests_that_people_are_told_to_make_exist() -> None:
    known = api(lambda: None).openapi()["paths"]  # type: ignore[arg-type, return-value]
    there = {re.sub(r"\{\w+\}", "{}", path): operations for path, operations in known.items()}
    told = PAGE + (ROOT / "infra" / "monitoring" / "rules.yml").read_text()
    told = re.sub(r"\{\{.*?\}\}|\{\w+\}", "{}", told)
    asked = re.findall(r"(GET|POST) (/api/v1/[a-z/{}]+)", told)
    assert len(asked) > 5
    assert [one for one in asked if one[0].lower() not in there.get(one[1], {})] == []


def test_the_workbook_is_one(fields: Mapping[str, frozenset[str]]) -> None:
    document = json.loads((ROOT / "infra" / "monitoring" / "workbook.json").read_text())
    names = [item["name"] for item in document["items"]]
    assert len(names) == len(set(names))
    assert document["fallbackResourceIds"] == ["WORKSPACE_ID"], "what workbook.bicep replaces"
    (given,) = [one for one in document["items"] if one["type"] == 9]
    assert {one["name"] for one in given["content"]["parameters"]} == kql.PARAMETERS
    for item in document["items"]:
        if item["type"] == 3:
            assert item["content"]["timeContextFromParameter"] == "TimeRange"
            assert item["content"]["title"] and 0 < int(item["customWidth"]) <= 100


def test_a_line_is_never_sampled_away() -> None:
    host = json.loads((ROOT / "host.json").read_text())
    excluded = host["logging"]["applicationInsights"]["samplingSettings"]["excludedTypes"]
    assert {"Trace", "Request", "Exception"} <= set(excluded.split(";"))
    levels = host["logging"]["logLevel"]
    assert levels["default"] == levels["Function"] == "Information", "a tick is told at INFO"
