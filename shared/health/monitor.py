"""Examines schedules, and tells people of those that are not well, and when they are again.

Each run examines the schedules of which jobs ended since the last: `index_upkeep` notes them. Of a
slice of all schedules, and of those that were found not to be well, it reads the rows: for what
comes of time passing, or of a person's change. So its cost does not grow with their number. It goes
on with notes until none is left, or its time is up.

People are told first, then the finding is kept, and the notes are removed last. A run that is
killed is done again by the next, and the alerts say nothing twice.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
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
from shared.threads import Pool

SLICE = 1000
"""How many schedules of all are looked at in a run: one request. 100,000 take eight hours."""
MOST = 1000
"""The most schedules whose jobs are read before what was found is kept."""
LONGEST = 180.0
"""Seconds after which a run begins no more of these; the others are the next run's."""
_READERS = 8
_TOGETHER = 64
"""So many schedules are read before people are told of them."""
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
    seen: set[str] = field(default_factory=set)
    """Schedules that were examined, or are gone."""
    examined: int = 0

    def critical(self) -> list[str]:
        """The ids of all schedules that are critical, as it stands after the run."""
        there = {one: self.before[one] for one in self.before.keys() - set(self.well)} | self.after
        return sorted(one.schedule_id for one in there.values() if one.verdict is Verdict.CRITICAL)


class Monitor:
    """The monitor, bound to what it works on (`port.ScheduleMonitor`)."""

    def __init__(
        self,
        health: ScheduleHealth,
        alerts: AlertService,
        meta: Meta,
        *,
        most: int = MOST,
        longest: float = LONGEST,
    ) -> None:
        self._health = health
        self._alerts = alerts
        self._meta = meta
        self._most = most
        self._longest = longest

    def watch(self, job: JobContext) -> Mapping[str, object]:
        """Examine what changed (`port.ScheduleMonitor.watch`). A dry run tells nobody."""
        now, until = job.clock.now(), job.clock.monotonic() + self._longest
        findings = self._health.findings
        left = findings.ended()
        run = _Run(before=findings.all())
        part, place = self._slice()
        taken, dirty = _first(left, self._most, run.seen)
        rows = self._health.table.many({*dirty, *run.before}) | {one.id: one for one in part}
        again = [one for one in run.before if _may_be_over(rows.get(one), run.before[one])]
        suspects = [one.id for one in part if is_stale_suspect(one, now)]
        looked = self._look(run, [*dirty, *again, *suspects], rows, job, now)
        self._keep(run, looked, taken, job)
        if not job.dry_run:
            self._meta.put(_PLACE, json.dumps(place))
        while (left := left[len(taken) :]) and job.clock.monotonic() < until:
            taken, dirty = _first(left, self._most, run.seen)
            looked = self._look(run, dirty, self._health.table.many(dirty), job, now)
            self._keep(run, looked, taken, job)
        return self._told(run, job)

    def _look(
        self,
        run: _Run,
        ids: Iterable[str],
        rows: Mapping[str, Schedule],
        job: JobContext,
        now: datetime,
    ) -> set[str]:
        """Examine those of these schedules that the run did not examine yet: it read its notes
        before it began, so each sees all that they tell. Returns which."""
        chosen = [one for one in dict.fromkeys(ids) if one not in run.seen]
        run.seen.update(chosen)
        there = [rows[one] for one in chosen if one in rows]
        with Pool(_READERS, "health") as pool:
            for start in range(0, len(there), _TOGETHER):
                job.check()
                self._examine(run, there[start : start + _TOGETHER], job, now, pool)
        self._drop(run, (one for one in chosen if one not in rows and one in run.before), job)
        return set(chosen)

    def _keep(
        self, run: _Run, looked: Collection[str], notes: Sequence[Ended], job: JobContext
    ) -> None:
        """Keep what was found out about these, for which the notes asked."""
        if not job.dry_run:
            findings = self._health.findings
            findings.write(one for one in run.after.values() if one.schedule_id in looked)
            findings.remove(one for one in run.well if one in looked)
            findings.settle(notes)

    def _examine(
        self, run: _Run, schedules: Sequence[Schedule], job: JobContext, now: datetime, pool: Pool
    ) -> None:
        def examined(schedule: Schedule) -> Health | Damaged:
            try:
                return self._health.examine(schedule, now)
            except Damaged as error:  # one garbled version must not hide the other schedules
                return error

        shown = self._health.lists.shown(schedules)
        for schedule, health in zip(shown, pool.map(examined, shown), strict=True):
            run.examined += 1
            if isinstance(health, Damaged):
                job.log(f"{schedule.id}: {health}")
                continue
            before = run.before.get(schedule.id)
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


def _first(
    notes: Sequence[Ended], most: int, seen: Collection[str]
) -> tuple[list[Ended], list[str]]:
    """(The oldest notes, as many as name no more schedules than that beside those `seen`, but at
    least one; the schedules that they name)."""
    taken: list[Ended] = []
    named: dict[str, None] = {}
    for note in notes:
        more = dict.fromkeys(one for one in note.schedule_ids if one not in seen)
        if taken and len(named.keys() | more.keys()) > most:
            break
        taken.append(note)
        named |= more
    return taken, list(named)


def _said(name: str, reasons: Sequence[Reason]) -> str:
    return f"{name}: " + "; ".join(one.text for one in reasons[:_NAMED])


def _over(health: Health) -> str:
    if health.verdict is Verdict.OFF:
        return "it is turned off, ended or deleted"
    rate = health.success_rate
    return "its last run was as usual" if rate is None else f"{rate} % of its last runs succeeded"
