"""What a schedule of `export` may ask for (C12)."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from shared.exports.data import SPECS, STATUSES, allowed
from shared.exports.kinds import Data, Format, ReportType
from shared.exports.period import LONGEST, Period
from shared.schedules.job import SCHEDULE_ID
from shared.tasks.customers import CustomerParams, MailAddress
from shared.tasks.model import Flag
from shared.text import those

_ScheduleId = Annotated[str, StringConstraints(pattern=f"^{SCHEDULE_ID}$")]
_Short = Annotated[str, StringConstraints(max_length=200)]


class ExportParams(CustomerParams):
    """A file of what Belfry knows of the schedule's project."""

    format: Format = Format.CSV
    """sarif, markdown, csv, json, ndjson, html, pdf, xlsx or parquet."""
    report_type: ReportType = ReportType.SUMMARY
    """summary: key figures and a row for each group. full: a row for each thing."""
    data: Data | None = None
    """runs, schedules, occurrences, audit, costs or findings. Default: runs; of SARIF, which holds
    nothing else, findings."""
    title: Annotated[str, StringConstraints(max_length=120)] = ""
    """At the top of the report; empty: what it is about."""

    period: Period = Period.LAST_DAYS
    """Which span, seen from the occurrence's due time in the schedule's zone: last_days,
    previous_day, previous_week (from Monday) or previous_month."""
    days: Annotated[int, Field(ge=1, le=400)] = 7
    """How many days last_days has."""
    since: AwareDatetime | None = None
    """The first instant of the span, with its offset; then `period` does not count."""
    until: AwareDatetime | None = None
    """The instant before which the span ends; default: the due time."""

    schedule_ids: Annotated[list[_ScheduleId], Field(max_length=100)] = []  # noqa: RUF012
    """Only what concerns these schedules."""
    tags: Annotated[dict[_Short, _Short], Field(max_length=10)] = {}  # noqa: RUF012
    """Only what concerns schedules that have all of these tags."""
    status: Annotated[list[_Short], Field(max_length=10)] = []  # noqa: RUF012
    """Only rows that ended like that: of runs and costs a job's status, of schedules and
    occurrences a state, of the audit an outcome, of findings a severity."""
    columns: Annotated[list[_Short], Field(max_length=30)] = []  # noqa: RUF012
    """Of a full report: only these columns, in this order."""

    csv_delimiter: Annotated[str, StringConstraints(pattern="^[,;|\t]$")] = Field(
        default=",", examples=[";"]
    )
    """, or ; or | or a tab."""
    csv_bom: Flag = False
    """Whether a CSV file begins with a byte order mark, by which Excel knows UTF-8."""
    csv_formula_safe: Flag = True
    """Whether a text that a spreadsheet would take for a formula gets a ' before it."""

    email_to: Annotated[list[MailAddress], Field(max_length=20)] = []  # noqa: RUF012
    """Who is mailed a link to the file, with the key figures."""
    link_hours: Annotated[int, Field(ge=1, le=168)] = 72
    """How long that link works."""
    keep_days: Annotated[int, Field(ge=1, le=400)] = 90
    """So many days after it was written the file is removed."""

    @property
    def about(self) -> Data:
        """What it is about."""
        if self.data is not None:
            return self.data
        return Data.FINDINGS if self.format is Format.SARIF else Data.RUNS

    @property
    def extent(self) -> ReportType:
        """How much of it: SARIF is for other programs, and sums nothing up."""
        return ReportType.FULL if self.format is Format.SARIF else self.report_type

    @model_validator(mode="after")
    def _fits(self) -> Self:
        about, spec = self.about, SPECS[self.about]
        if about not in allowed(self.format):
            raise ValueError(f"data: {self.format} holds findings only, not {about}")
        if wrong := sorted(set(self.status) - STATUSES[about]):
            raise ValueError(f"status: {wrong[0]} is none of {about}; {those(spec.values)}")
        names = [one.name for one in spec.columns]
        if wrong := [one for one in self.columns if one not in names]:
            raise ValueError(f"columns: {about} has no {wrong[0]}; {those(names)}")
        if self.columns and self.extent is ReportType.SUMMARY:
            raise ValueError("columns: a summary has its own; leave them out, or ask for full")
        if self.columns and self.format is Format.SARIF:
            raise ValueError("columns: SARIF has its own; leave them out")
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("columns: name each once")
        if (self.tags or self.schedule_ids) and about is Data.FINDINGS:
            raise ValueError("tags, schedule_ids: findings belong to repositories; leave them out")
        if self.tags and about is Data.AUDIT:
            raise ValueError("tags: the audit has none; use schedule_ids")
        if self.until is not None and self.since is None:
            raise ValueError("since: give it too, or leave `until` out")
        if self.since is not None and self.until is not None:
            if self.since >= self.until:
                raise ValueError("since: it must be before `until`")
            if self.until - self.since > LONGEST:
                raise ValueError(f"since: a span has {LONGEST.days} days at most")
        return self
