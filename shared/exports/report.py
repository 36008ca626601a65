"""What a format writes: what the report is about, and its rows, which are counted as they pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from shared.exports.kinds import Column, Data, ReportType, Row, Spec
from shared.exports.period import Span
from shared.exports.tally import Bar, Figure, Tally
from shared.recurrence import zone


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """What a report is about. Nothing in it depends on when the task ran."""

    title: str
    data: Data
    report_type: ReportType
    project: str
    """`Project 7`, or `All projects`."""
    schedule: str
    """The name of the schedule that makes it."""
    job_id: str
    span: Span
    due_at: datetime
    """When its occurrence was due: what the report calls now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What a format may be told."""

    delimiter: str = ","
    bom: bool = False
    formula_safe: bool = True


class Report:
    """A report that is being written. `rows` can be read once; figures, chart and counts are whole
    when it is at its end."""

    def __init__(
        self,
        head: Head,
        spec: Spec,
        rows: Iterable[Row],
        *,
        columns: Sequence[str] = (),
        options: Options | None = None,
    ) -> None:
        """`columns`: which of a full report, by name; empty: all."""
        self.head = head
        self.spec = spec
        self.options = options or Options()
        self._rows = iter(rows)
        self._tally = Tally(spec, zone.find(head.span.timezone), (head.span.since, head.span.until))
        self._chosen = [spec.index(one) for one in columns]
        self.written = 0
        """Rows that were handed to the format."""

    @property
    def full(self) -> bool:
        return self.head.report_type is ReportType.FULL

    @property
    def columns(self) -> list[Column]:
        """The columns of `rows`."""
        if not self.full:
            return self._tally.columns()
        chosen = self._chosen or range(len(self.spec.columns))
        return [self.spec.columns[one] for one in chosen]

    def rows(self) -> Iterator[Row]:
        """The rows of the file: of a full report as they are read, of a summary once all are."""
        for row in self._full() if self.full else self._summed():
            self.written += 1
            yield row

    def pages(self, size: int) -> Iterator[list[Row]]:
        """The same, some at a time."""
        rows = self.rows()
        while some := list(islice(rows, size)):
            yield some

    @property
    def counted(self) -> int:
        """How many rows were read."""
        return self._tally.count

    def figures(self) -> list[Figure]:
        return self._tally.figures()

    def chart(self) -> list[Bar]:
        return self._tally.chart()

    def _full(self) -> Iterator[Row]:
        for row in self._rows:
            self._tally.add(row)
            yield [row[one] for one in self._chosen] if self._chosen else row

    def _summed(self) -> Iterator[Row]:
        for row in self._rows:
            self._tally.add(row)
        yield from self._tally.rows()
