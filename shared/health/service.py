"""How one schedule is, and which are not well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.access import Caller
from shared.engine.records.lists import Lists
from shared.listing.listing import Listing
from shared.schedules.band import SHIFT, WINDOW
from shared.schedules.health import Health, examined, is_stale_suspect
from shared.schedules.listed import Listed
from shared.schedules.model import Schedule
from shared.storage.tables.findings import Finding, Findings
from shared.storage.tables.history import History
from shared.storage.tables.schedules import ScheduleTable

RUNS = WINDOW + 2 * SHIFT
"""How many jobs of a schedule are looked at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unwell:
    """A schedule that is not well."""

    schedule: Listed
    finding: Finding


class ScheduleHealth:
    """The service. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(
        self,
        table: ScheduleTable,
        history: History,
        lists: Lists,
        listing: Listing,
        findings: Findings,
    ) -> None:
        self.table = table
        self.lists = lists
        self.findings = findings
        self._history = history
        self._listing = listing

    def examine(self, schedule: Schedule, now: datetime) -> Health:
        """How a schedule is now. It reads the last `RUNS` jobs, in one query, and the schedule's
        versions if it may be stale."""
        jobs = self._history.last(schedule.id, RUNS)
        suspect = is_stale_suspect(schedule, now)
        versions = self.table.versions(schedule.id) if suspect else []
        return examined(schedule, jobs, versions, now)

    def unwell(self, caller: Caller, project_id: int | None) -> list[Unwell]:
        """The schedules that the monitor found not to be well, and the caller sees: the worst
        first, then those that have been so for longest."""
        findings = self.findings.all()
        known: Mapping[str, Listed] = self._listing.among(findings)
        there = [
            Unwell(schedule=one, finding=findings[one.id])
            for one in known.values()
            if one.deleted_at is None and caller.sees(one.project_id)
            if project_id is None or one.project_id == project_id
        ]
        return sorted(there, key=_worst_first)


def _worst_first(one: Unwell) -> tuple[str, datetime, str]:
    return one.finding.verdict.value, one.finding.since, one.schedule.id  # critical, then look
