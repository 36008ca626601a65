"""SARIF 2.1.0: the findings of all repositories of a project in one log, as GitHub takes it.

A run has 25,000 results at most, and a log 20 runs: what is beyond is left out, and the last run
says so. Rules are told after the results that name them, since a run is written as it is read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from shared.exports.formats.ndjson import encoded
from shared.exports.kinds import Value
from shared.exports.report import Report
from shared.exports.safe import instant, line, text
from shared.sarif import BASELINE, SCHEMA, VERSION

EXTENSION = "sarif"
CONTENT_TYPE = "application/sarif+json"
RESULTS, RUNS = 25_000, 20
"""GitHub's limits: of a run, and of a log."""
_LEVELS = ("error", "warning", "note")
_TEXT = 1_000


def pieces(report: Report, scratch: Path) -> Iterator[bytes]:
    """The file."""
    del scratch
    yield f'{{"$schema":"{SCHEMA}","version":"{VERSION}","runs":['.encode()
    names = [one.name for one in report.columns]
    rows = (dict(zip(names, row, strict=True)) for row in report.rows())
    number, over = 0, next(rows, None)
    while number < RUNS:
        yield b"," if number else b""
        number += 1
        yield b'{"results":['
        rules: dict[str, str] = {}
        count = 0
        while over is not None and count < RESULTS:
            yield ((",\n" if count else "\n") + encoded(_result(over, rules))).encode()
            count += 1
            over = next(rows, None)
        if number == RUNS or over is None:
            break
        yield f"],{_rest(report, number, rules, 0)}}}".encode()
    left = 0 if over is None else 1 + sum(1 for _ in rows)
    report.written -= left
    yield f"],{_rest(report, number, rules, left)}}}]}}\n".encode()


def _result(row: Mapping[str, Value], rules: dict[str, str]) -> dict[str, object]:
    id = f"{row['tool']}/{row['rule']}"[:255]
    rules.setdefault(id, line(row["tool"]))
    level = row["level"] if row["level"] in _LEVELS else "warning"
    return {
        "ruleId": id,
        "level": level,
        "message": {"text": text(row["message"])[:_TEXT] or "(no text)"},
        "locations": [{"physicalLocation": _place(row)}],
        "partialFingerprints": {"belfry/v1": text(row["fingerprint"])},
        "baselineState": BASELINE[text(row["state"])],
        "properties": {
            "repository": text(row["repository_id"]),
            "branch": text(row["branch"]),
            "commit": text(row["commit"]),
            "severity": text(row["severity"]),
        },
    }


def _place(row: Mapping[str, Value]) -> dict[str, object]:
    """Where it is. Lines and columns begin with 1; 0 stands for none."""
    names = {"line": "startLine", "column": "startColumn"}
    names |= {"end_line": "endLine", "end_column": "endColumn"}
    region = {said: row[one] for one, said in names.items() if row[one]}
    if "startLine" not in region:
        region = {}
    place: dict[str, object] = {"artifactLocation": {"uri": quote(line(row["path"]), safe="/")}}
    return place | ({"region": region} if region else {})


def _rest(report: Report, number: int, rules: Mapping[str, str], left: int) -> str:
    """What stands in a run beside its results."""
    head = report.head
    driver = {"name": "Belfry", "rules": [{"id": one} for one in sorted(rules)]}
    said = f"{left} further findings are left out: a log has {RUNS * RESULTS:,} at most"
    notes = [{"level": "warning", "message": {"text": said}}] if left else []
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"belfry/{head.job_id.partition('-')[0]}/{number}"},
        "invocations": [
            {
                "executionSuccessful": True,
                "endTimeUtc": instant(head.due_at),
                "toolExecutionNotifications": notes,
            }
        ],
        "columnKind": "unicodeCodePoints",
    }
    return encoded(run)[1:-1]
