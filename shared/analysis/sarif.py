"""Findings as SARIF 2.1.0, as GitHub takes it. Pure: the same findings give the same bytes.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from shared.analysis.compare import Compared
from shared.analysis.model import LEVELS, FindingState, LeftOut, Ran, Rule, Severity, Tool
from shared.sarif import BASELINE, SCHEMA, VERSION

_HOMES: Mapping[Tool, str] = {
    Tool.RUFF: "https://docs.astral.sh/ruff/",
    Tool.BANDIT: "https://bandit.readthedocs.io/",
    Tool.SECRETS: "https://github.com/Yelp/detect-secrets",
    Tool.LIZARD: "https://github.com/terryyin/lizard",
    Tool.OSV: "https://osv.dev/",
}
_SCORES: Mapping[Severity, str] = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.0",
    Severity.LOW: "2.0",
}
"""`security-severity`: critical is above 9.0, high from 7.0, medium from 4.0 on."""
_LONGEST = 1024
"""Characters of a text: GitHub's limit for descriptions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Of:
    """What was analysed."""

    category: str
    """Tells analyses of the same thing from others, such as `belfry/42/main/security`."""
    commit: str
    branch: str
    url: str
    """The repository's, without a token."""


def document(
    of: Of,
    ran: Sequence[Ran],
    rules: Mapping[Tool, Iterable[Rule]],
    findings: Sequence[Compared],
    left_out: Sequence[LeftOut],
) -> dict[str, Any]:
    """A log with one run for each tool."""
    return {
        "$schema": SCHEMA,
        "version": VERSION,
        "runs": [
            _run(
                of,
                one,
                sorted(rules.get(one.tool, ()), key=lambda rule: rule.id),
                [made for made in findings if made.found.tool is one.tool],
                left_out,
            )
            for one in ran
        ],
    }


def as_bytes(log: Mapping[str, Any]) -> bytes:
    """The file."""
    return json.dumps(log, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def without_gone(log: Mapping[str, Any]) -> dict[str, Any]:
    """The same without what is gone: GitHub takes every result for one that is there."""
    gone = BASELINE[FindingState.GONE]
    runs = [
        run | {"results": [one for one in run["results"] if one["baselineState"] != gone]}
        for run in log["runs"]
    ]
    return {**log, "runs": runs}


def _run(
    of: Of,
    ran: Ran,
    rules: Sequence[Rule],
    findings: Sequence[Compared],
    left_out: Sequence[LeftOut],
) -> dict[str, Any]:
    used = {one.found.rule for one in findings}
    shown = [rule for rule in rules if rule.id in used]
    index = {rule.id: number for number, rule in enumerate(shown)}
    return {
        "tool": {
            "driver": {
                "name": ran.tool.value,
                "version": ran.version,
                "informationUri": _HOMES[ran.tool],
                "rules": [_rule(one) for one in shown],
            }
        },
        "automationDetails": {"id": f"{of.category}/{ran.tool.value}/{of.commit}"},
        "versionControlProvenance": [
            {"repositoryUri": of.url, "revisionId": of.commit, "branch": of.branch}
        ],
        "invocations": [_invocation(ran, left_out)],
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, index) for one in findings],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": rule.id,
        "name": rule.name[:255],
        "shortDescription": {"text": rule.name[:_LONGEST]},
        "fullDescription": {"text": rule.help[:_LONGEST]},
        "help": {"text": rule.help[:_LONGEST]},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {"precision": "medium", **_scored(rule.severity)},
    }
    return made | ({"helpUri": rule.url} if rule.url else {})


def _scored(severity: Severity) -> dict[str, Any]:
    if severity not in _SCORES:
        return {"tags": ["maintainability"]}
    return {"tags": ["security"], "security-severity": _SCORES[severity]}


def _invocation(ran: Ran, left_out: Sequence[LeftOut]) -> dict[str, Any]:
    said = [] if ran.ok else [_notification("error", ran.said or "it failed")]
    if ran.ok and ran.said:
        said.append(_notification("note", ran.said))
    for one in left_out:
        named = ", ".join(map(repr, one.examples))
        said.append(_notification("warning", f"{one.count} left out: {one.reason}: {named}"))
    return {"executionSuccessful": ran.ok, "toolExecutionNotifications": said}


def _notification(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": text[:_LONGEST]}}


def _result(one: Compared, index: Mapping[str, int]) -> dict[str, Any]:
    found = one.found
    made: dict[str, Any] = {
        "ruleId": found.rule,
        "level": LEVELS[found.severity],
        "message": {"text": found.message[:_LONGEST]},
        "locations": [{"physicalLocation": _place(one)}],
        "partialFingerprints": {"primaryLocationLineHash": found.fingerprint},
        "baselineState": BASELINE[one.state],
        "properties": {"severity": found.severity.value},
    }
    return made | ({"ruleIndex": index[found.rule]} if found.rule in index else {})


def _place(one: Compared) -> dict[str, Any]:
    found = one.found
    region: dict[str, int] = {"startLine": found.line}
    region["startColumn"] = max(1, found.column)
    region["endLine"] = max(found.line, found.end_line)
    last = found.end_column
    if region["endLine"] == found.line:
        last = max(last, region["startColumn"] + 1)
    region["endColumn"] = max(1, last)
    return {
        "artifactLocation": {"uri": quote(found.path), "uriBaseId": "%SRCROOT%"},
        "region": region,
    }
