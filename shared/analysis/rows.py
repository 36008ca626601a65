"""How analyses, and what they found, are written down. Pure.

In the app's table, partition `analyses`, in one transaction:

- `in:{roll}:{place}`: an analysis, in each of its rolls (`shared.storage.tables.roll`).
- `id:{id}`: its place in them, and the attempt that wrote it.
- `last:{project}:{repository}:{hash of branch and kind}`: for each tool, the last analysis in which
  it looked at everything; later ones are compared with that. Also when the newest of them fetched
  which commit. Each analysis replaces it under its ETag.

Its findings are lines of JSON, one each, in the blob `{project}/{id}/{attempt}/findings.gz`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from shared.analysis.compare import Compared
from shared.analysis.model import (
    LEVELS,
    Analysis,
    AnalysisKind,
    Complexity,
    Counts,
    Finding,
    FindingState,
    Found,
    Language,
    LeftOut,
    Measures,
    Ran,
    Severity,
    Size,
    Tool,
)
from shared.errors import Damaged
from shared.projects import name_of, project_of

ID = r"(?:none|\d{1,19})-[0-9a-f]{16}"
_EXAMPLES, _SHOWN = 3, 100
_GARBLED = (ValueError, KeyError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True)
class Last:
    """Where the last whole look of each tool is: the ids of analyses."""

    tools: Mapping[Tool, str]
    commit: str = ""
    """Of the analysis that fetched last."""
    at: datetime | None = None
    """When it did."""
    etag: str = ""
    """Of the row that says so; empty if there is none."""


def analysis_id(project_id: int | None, job_id: str) -> str:
    """The id of a job's analysis: its second attempt has the same one."""
    return f"{name_of(project_id)}-{hashlib.sha256(job_id.encode()).hexdigest()[:16]}"


def belongs_to(analysis: str) -> int | None:
    """The project that an analysis' id names."""
    return project_of(analysis.partition("-")[0])


PARTITION = "analyses"


def id_key(analysis: str) -> str:
    return f"id:{analysis}"


def last_key(project_id: int | None, repository_id: str, branch: str, kind: AnalysisKind) -> str:
    mark = hashlib.sha256(f"{kind.value}\0{branch}".encode()).hexdigest()[:16]
    return f"last:{name_of(project_id)}:{repository_id}:{mark}"


def lasts(project_id: int | None, repository_id: str) -> str:
    """A filter for all of these of a repository."""
    first = f"last:{name_of(project_id)}:{repository_id}"
    return f"RowKey ge '{first}:' and RowKey lt '{first};'"


def folder(analysis: str, attempt: int | None = None) -> str:
    """Where the blobs of an analysis are, or those of one attempt."""
    project = analysis.partition("-")[0]
    return f"{project}/{analysis}/" + ("" if attempt is None else f"{attempt}/")


def of_blob(name: str) -> tuple[str, int] | None:
    """(analysis, attempt) that a blob belongs to; None if it is no such blob."""
    found = re.fullmatch(rf"(?:none|\d+)/({ID})/(\d{{1,9}})/[a-z.]+", name)
    return (found[1], int(found[2])) if found else None


def properties(one: Analysis) -> dict[str, Any]:
    """The row of an analysis."""
    brief = [
        {
            "reason": left.reason,
            "count": left.count,
            "examples": [path[:_SHOWN] for path in left.examples[:_EXAMPLES]],
        }
        for left in one.left_out
    ]
    return {
        "analysis": one.id,
        "repository": one.repository_id,
        "branch": one.branch,
        "commit": one.commit,
        "kind": one.kind.value,
        "schedule": one.schedule_id,
        "job": one.job_id,
        "attempt": one.attempt,
        "at": one.at.astimezone(UTC).isoformat(),
        "sizes": json.dumps([one.seconds, one.files, one.bytes, one.fetched]),
        "counts": json.dumps(one.counts.by, sort_keys=True),
        "tools": json.dumps([asdict(ran) for ran in one.tools]),
        "dependencies": one.dependencies[:500],
        "left_out": json.dumps(brief),
        "measures": json.dumps(asdict(one.measures)),
    }


def to_analysis(row: Mapping[str, Any]) -> Analysis:
    """The analysis in a row. Raises `Damaged`."""
    try:
        seconds, files, size, fetched = json.loads(row["sizes"])
        return Analysis(
            id=str(row["analysis"]),
            project_id=belongs_to(str(row["analysis"])),
            repository_id=str(row["repository"]),
            branch=str(row["branch"]),
            commit=str(row["commit"]),
            kind=AnalysisKind(row["kind"]),
            schedule_id=str(row["schedule"]),
            job_id=str(row["job"]),
            attempt=int(row["attempt"]),
            at=datetime.fromisoformat(row["at"]),
            seconds=float(seconds),
            files=int(files),
            bytes=int(size),
            fetched=int(fetched),
            counts=Counts(
                by={
                    FindingState(state): {
                        Severity(name): int(count) for name, count in found.items()
                    }
                    for state, found in json.loads(row["counts"]).items()
                }
            ),
            tools=tuple(
                Ran(**{**one, "tool": Tool(one["tool"])}) for one in json.loads(row["tools"])
            ),
            dependencies=str(row["dependencies"]),
            left_out=tuple(
                LeftOut(**{**one, "examples": tuple(one["examples"])})
                for one in json.loads(row["left_out"])
            ),
            measures=_measures(json.loads(row["measures"])),
        )
    except _GARBLED as error:
        key = row.get("RowKey")
        raise Damaged(f"the analysis in row {key} cannot be read ({error})") from error


def to_last(row: Mapping[str, Any]) -> Last:
    try:
        tools = {Tool(tool): str(one) for tool, one in json.loads(row["tools"]).items()}
        commit, at = str(row.get("commit", "")), row.get("at")
        return Last(
            tools, commit, datetime.fromisoformat(at) if at else None, str(row.get("etag", ""))
        )
    except _GARBLED:  # what comes next is compared with nothing, and written anew
        return Last({}, etag=str(row.get("etag", "")))


def last_properties(last: Last) -> dict[str, Any]:
    said = {"tools": json.dumps(last.tools, sort_keys=True), "commit": last.commit}
    return said | ({"at": last.at.astimezone(UTC).isoformat()} if last.at else {})


def line(one: Compared) -> str:
    """A finding as a line."""
    found = one.found
    made = {name: getattr(found, name) for name in Found.__dataclass_fields__}
    return json.dumps(made | {"state": one.state.value}, ensure_ascii=False, sort_keys=True)


def from_line(text: str) -> Compared:
    """The finding in a line. Raises `Damaged`."""
    try:
        made = json.loads(text)
        state = FindingState(made.pop("state"))
        tool, severity = Tool(made.pop("tool")), Severity(made.pop("severity"))
        return Compared(Found(tool=tool, severity=severity, **made), state)
    except _GARBLED as error:
        raise Damaged(f"a finding cannot be read ({error})") from error


def finding(one: Compared, of: Analysis) -> Finding:
    """The finding, as people and exports read it."""
    found = one.found
    return Finding(
        tool=found.tool.value,
        rule=found.rule,
        level=LEVELS[found.severity],
        severity=found.severity.value,
        message=found.message,
        path=found.path,
        line=found.line,
        column=found.column,
        end_line=found.end_line,
        end_column=found.end_column,
        state=one.state,
        fingerprint=found.fingerprint,
        project_id=of.project_id,
        repository_id=of.repository_id,
        branch=of.branch,
        analysis_id=of.id,
        commit=of.commit,
        at=of.at,
    )


def newest(analyses: Iterable[Analysis]) -> Iterator[Analysis]:
    """The first of each repository, branch and kind."""
    seen = set[tuple[str, str, AnalysisKind]]()
    for one in analyses:
        what = (one.repository_id, one.branch, one.kind)
        if what not in seen:
            seen.add(what)
            yield one


def _measures(made: Mapping[str, Any]) -> Measures:
    found = made["complexity"]
    return Measures(
        languages=tuple(Language(**one) for one in made["languages"]),
        largest=tuple(Size(**one) for one in made["largest"]),
        complexity=None if found is None else Complexity(**found),
    )
