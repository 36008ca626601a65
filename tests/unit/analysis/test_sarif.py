"""SARIF: valid by the standard's own schema, as GitHub takes it, and the same each time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs

from shared.analysis import sarif
from shared.analysis.compare import Compared
from shared.analysis.model import FindingState, LeftOut, Ran, Rule, Severity, Tool
from tests.unit.analysis.making import found

SCHEMA = json.loads((Path(__file__).parent / "schema/sarif-schema-2.1.0.json").read_text())
OF = sarif.Of(
    category="belfry/42/main/full",
    commit="0" * 40,
    branch="main",
    url="https://github.com/example/example",
)
RULE = Rule(
    id="B602", name="a shell", help="Do not.", url="https://example.com", severity=Severity.HIGH
)
RAN = [
    Ran(tool=Tool.BANDIT, version="1.9", ok=True),
    Ran(tool=Tool.OSV, version="", ok=False, said="dependencies not checked", ran=False),
]


def check(log: dict[str, Any]) -> None:
    """Hold that it is valid."""
    jsonschema_rs.validator_for(SCHEMA).validate(log)


def made() -> dict[str, Any]:
    several = [
        Compared(found(), FindingState.NEW),
        Compared(found(path="\u00e4 b#1?.py", line=1, rule="odd"), FindingState.SAME),
        Compared(found(line=9, end_line=11, column=4, end_column=2), FindingState.GONE),
    ]
    left = [LeftOut(reason="a symbolic link", count=2, examples=("a", "b\u202e"))]
    return sarif.document(OF, RAN, {Tool.BANDIT: [RULE]}, several, left)


def test_it_is_valid_and_has_what_github_reads() -> None:
    log = made()
    check(log)
    check(sarif.without_gone(log))
    bandit, osv = log["runs"]
    assert bandit["automationDetails"]["id"] == f"belfry/42/main/full/bandit/{'0' * 40}"
    [rule] = bandit["tool"]["driver"]["rules"]
    assert rule["properties"]["security-severity"] == "8.0"
    for part in ("shortDescription", "fullDescription", "help"):
        assert rule[part]["text"]
    first, odd, gone = bandit["results"]
    assert first["ruleIndex"] == 0 and "ruleIndex" not in odd
    assert first["partialFingerprints"] == {"primaryLocationLineHash": "abc:1"}
    place = odd["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "%C3%A4%20b%231%3F.py"
    assert place["region"] == {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2}
    assert gone["baselineState"] == "absent"
    assert osv["invocations"][0]["executionSuccessful"] is False
    said = osv["invocations"][0]["toolExecutionNotifications"]
    assert said[0]["message"]["text"] == "dependencies not checked"


def test_github_is_told_of_nothing_that_is_gone() -> None:
    [bandit, _] = sarif.without_gone(made())["runs"]
    assert [one["baselineState"] for one in bandit["results"]] == ["new", "unchanged"]


def test_the_schema_would_notice() -> None:
    log = made()
    log["runs"][0]["results"][0]["level"] = "bad"
    assert not jsonschema_rs.validator_for(SCHEMA).is_valid(log)


def test_the_same_findings_give_the_same_bytes() -> None:
    assert sarif.as_bytes(made()) == sarif.as_bytes(made())
