"""Findings of analyses, by a protocol of our own: what makes them is beside this package."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Protocol

from shared.exports.kinds import Row
from shared.exports.reading import Wanted

_EACH = 500


class Finding(Protocol):
    """What was found in a repository."""

    @property
    def tool(self) -> str: ...
    @property
    def rule(self) -> str: ...
    @property
    def level(self) -> str:
        """error, warning or note."""

    @property
    def severity(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int:
        """0 for none, as the next two."""

    @property
    def end_line(self) -> int: ...
    @property
    def end_column(self) -> int: ...
    @property
    def state(self) -> str:
        """new, same or gone."""

    @property
    def fingerprint(self) -> str: ...
    @property
    def project_id(self) -> int | None: ...
    @property
    def repository_id(self) -> str: ...
    @property
    def branch(self) -> str: ...
    @property
    def analysis_id(self) -> str: ...
    @property
    def commit(self) -> str: ...
    @property
    def at(self) -> datetime: ...


Findings = Callable[[int | None, datetime | None, datetime | None], Iterator[Finding]]
"""What the last analysis in a span found, of each repository of a project: (project, since,
until)."""


class FindingRows:
    """A row for each finding."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def rows(self, wanted: Wanted) -> Iterator[Row]:
        """As `reading.Reader` has it."""
        span = wanted.span
        found = self._findings(wanted.project_id, span.since, span.until)
        for number, one in enumerate(found):
            if number % _EACH == 0:
                wanted.check()
            mine = one.project_id == wanted.project_id
            if mine and one.at <= wanted.as_of and wanted.has(str(one.severity)):
                yield _row(one)


def _row(one: Finding) -> Row:
    return (
        one.fingerprint,
        one.repository_id,
        one.branch,
        str(one.tool),
        one.rule,
        str(one.severity),
        one.level,
        str(one.state),
        one.path,
        one.line,
        one.column or None,
        one.end_line or None,
        one.end_column or None,
        one.message,
        one.project_id,
        one.commit,
        one.analysis_id,
        one.at,
    )
