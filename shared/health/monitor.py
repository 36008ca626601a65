"""Examines schedules, and tells people of those that are not well, and when they are again.

Each run examines the schedules of which jobs ended since the last: `index_upkeep` notes them. Of a
slice of all schedules, and of those that were found not to be well, it reads the rows: for what
comes of time passing, or of a person's change. So its cost does not grow with their number.

People are told first, then the finding is kept, and the notes are removed last. A run that is
killed is done again by the next, and the alerts say nothing twice.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.alerts.port import AlertKind, AlertService
from shared.errors import Damaged
from shared.health.service import ScheduleHealth
from shared.log import Event, event
from shared.schedules.health import (
    Health,
    Reason,
    ReasonKind,
    Verdict,
    is_stale_suspect,
)
from shared.schedules.model import Band, Schedule
from shared.storage.tables.facts import Meta
from shared.storage.tables.findings import Ended, Finding, Found
from shared.tasks import JobContext

SLICE = 1000
"""How many schedules of all are looked at in a run: one request. 100,000 take eight hours."""
MOST = 2000
"""The most schedules whose jobs are read in a run; the others are the next run's."""
_PLACE = "health.place"
_NAMED = 20
_NOT_WELL = (Verdict.LOOK, Verdict.CRITICAL)
_logger = logging.getLogger("belfry.operations")


@dataclass(slots=True)
class _Run:
    """What a run found."""

    before: dict[str, Finding]
    after: dict[str, Finding] = field(default_factory=dict)
    well: list[str] = field(default_factory=list)
    """Schedules that have a finding and are to have none."""
    examined: int = 0

    def critical(self) -> list[str]:
        """The ids of all schedules that are critical, as it stands after the run."""
        there = {one: self.before[one] for one in self.before.keys() - set(self.well)} | self.after
        return sorted(one.schedule_id for one in there.values() if one.verdict is Verdict.CRITICAL)


class Monitor:
    """The monitor, bound to what it works on (`port.ScheduleMonitor`)."""

    def __init__(
        self, health: ScheduleHealth, alerts: AlertService, meta: Meta, *, most: int = MOST
    ) -> None:
        self._health = health
        self._alerts = alerts
        self._meta = meta
        self._most = most

    def watch(self, job: JobContext) -> Mapping[str, object]:
        """Examine what changed (`port.ScheduleMonitor.watch`). A dry run tells nobody."""
        now = job.clock.now()
        findings, table = self._health.findings, self._health.table
        notes, dirty = _first(findings.ended(), self._most)
        run = _Run(before=findings.all())
        part, place = self._slice()
        rows = table.many({*dirty, *run.before}) | {one.id: one for one in part}
        again = [one for one in run.before if _may_be_over(rows.get(one), run.before[one])]
        suspects = [one.id for one in part if is_stale_suspect(one, now)]
        chosen = list(dict.fromkeys([*dirty, *again, *suspects]))
        self._examine(run, [rows[one] for one in chosen if one in rows], job, now)
        self._drop(run, (one for one in chosen if one not in rows and one in run.before), job)
        if not job.dry_run:
            findings.write(run.after.values())
            findings.remove(run.well)
            findings.settle(notes)
            self._meta.put(_PLACE, json.dumps(place))
        return self._told(run, job)

    def _examine(
        self, run: _Run, schedules: Sequence[Schedule], job: JobContext, now: datetime
    ) -> None:
        for schedule in self._health.lists.shown(schedules):
            job.check()
            run.examined += 1
            before = run.before.get(schedule.id)
            try:
                health = self._health.examine(schedule, now)
            except Damaged as error:  # one garbled version must not hide the other schedules
                job.log(f"{schedule.id}: {error}")
                continue
            after = finding(schedule.id, health, before, now)
            if not job.dry_run:
                self._tell(schedule, health, before)
            if after is not None:
                run.after[schedule.id] = after
            elif before is not None:
                run.well.append(schedule.id)

    def _drop(self, run: _Run, gone: Iterable[str], job: JobContext) -> None:
        """Findings of schedules that are no longer there, or cannot be read."""
        for schedule_id in gone:
            if not job.dry_run:
                for kind in (AlertKind.SCHEDULE_UNHEALTHY, AlertKind.RUN_UNUSUAL):
                    self._alerts.close(kind, schedule_id, "the schedule is gone")
            run.well.append(schedule_id)

    def _tell(self, schedule: Schedule, health: Health, before: Finding | None) -> None:
        problems = [one for one in health.reasons if one.problem]
        unusual = [one for one in health.reasons if one.kind is ReasonKind.UNUSUAL]
        had = [] if before is None else [one for one in before.reasons if one.problem]
        name = schedule.definition.name
        over = f"{name}: {_over(health)}"
        kind = AlertKind.SCHEDULE_UNHEALTHY
        if problems:
            self._alerts.open(kind, schedule.id, _said(name, problems), level=len(problems))
        elif had:
            self._alerts.close(kind, schedule.id, over)
        if unusual and schedule.policy.band is Band.ALERT:
            self._alerts.open(AlertKind.RUN_UNUSUAL, schedule.id, _said(name, unusual))
        elif before is not None and before.has(ReasonKind.UNUSUAL):
            self._alerts.close(AlertKind.RUN_UNUSUAL, schedule.id, over)

    def _told(self, run: _Run, job: JobContext) -> Mapping[str, object]:
        """The task's result. The line in the log has what is critical (C19)."""
        critical = run.critical()
        if critical:
            event(
                _logger,
                Event.SCHEDULES_CRITICAL,
                level=logging.WARNING,
                schedule_id=job.schedule_id,
                job_id=job.job_id,
                critical=len(critical),
                named=", ".join(critical[:_NAMED]),
            )
        return {
            "examined": run.examined,
            "critical": len(critical),
            "look": len(run.before.keys() - set(run.well) | run.after.keys()) - len(critical),
            "schedules": critical[:_NAMED],
        }

    def _slice(self) -> tuple[list[Schedule], tuple[str, str]]:
        """(The next schedules in the round over all, where the run after is to go on)."""
        shards = self._health.table.shards
        try:
            shard, after = json.loads(self._meta.value(_PLACE) or "[]")
        except (ValueError, TypeError):
            shard, after = "", ""
        if shard not in shards or not isinstance(after, str):
            shard, after = shards[0], ""
        found: list[Schedule] = []
        for _ in shards:
            rows, after = self._health.table.slice(shard, after, SLICE - len(found))
            found += rows
            if not after:
                shard = shards[(shards.index(shard) + 1) % len(shards)]
            if len(found) >= SLICE or after:
                break
        return found, (shard, after)


def finding(
    schedule_id: str, health: Health, before: Finding | None, now: datetime
) -> Finding | None:
    """What is to be kept of a schedule; None if it is well, or off."""
    if health.verdict not in _NOT_WELL:
        return None
    since = {one.kind: one.since for one in (before.reasons if before else ())}
    same = before is not None and before.verdict is health.verdict and bool(before.reasons)
    return Finding(
        schedule_id=schedule_id,
        verdict=health.verdict,
        since=before.since if before is not None and same else now,
        reasons=tuple(
            Found(
                kind=one.kind,
                since=since.get(one.kind, now),
                text=one.text,
                problem=one.problem,
            )
            for one in health.reasons[:_NAMED]
        ),
    )


def _may_be_over(schedule: Schedule | None, known: Finding) -> bool:
    """Whether a finding may be over though no job of its schedule ended: a person changed it."""
    if schedule is None or not schedule.definition.enabled or schedule.deleted_at is not None:
        return True
    paused = schedule.progress.paused_reason is not None
    if paused != known.has(ReasonKind.PAUSED):
        return True
    return known.has(ReasonKind.STALE) and schedule.updated_at > known.since


def _first(notes: Sequence[Ended], most: int) -> tuple[list[Ended], list[str]]:
    """(The oldest notes, as many as name no more schedules than that, but at least one; the
    schedules that they name)."""
    taken: list[Ended] = []
    named: dict[str, None] = {}
    for note in notes:
        more = named | dict.fromkeys(note.schedule_ids)
        if taken and len(more) > most:
            break
        taken.append(note)
        named = more
    return taken, list(named)


def _said(name: str, reasons: Sequence[Reason]) -> str:
    return f"{name}: " + "; ".join(one.text for one in reasons[:_NAMED])


def _over(health: Health) -> str:
    if health.verdict is Verdict.OFF:
        return "it is turned off, ended or deleted"
    rate = health.success_rate
    return "its last run was as usual" if rate is None else f"{rate} % of its last runs succeeded"
