"""Whether a schedule is well (C15): (schedule, its last runs, what was expected, now) -> findings.

healthy    more than 95 % of its last runs succeeded, or there were fewer than `ENOUGH`
look       80 to 95 %, or its last run was unusual (`band`)
critical   below 80 %; the last three runs failed; it is stale; too many failures paused it
off        a person turned it off, or nothing of it is to come

Of these, a success rate below 50 %, three failures in a row, and staleness are problems, of which
people are told. A pause has an alert of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from shared.recurrence import Frequency, next_run
from shared.recurrence.zone import find
from shared.schedules.band import COUNTS, SECONDS, Judged, Value, judge
from shared.schedules.job import RAN, Status, backfill_of, is_manual, percent
from shared.schedules.listed import ScheduleState, state
from shared.schedules.model import Band, Schedule, Version
from shared.schedules.series import MOST_NAMES, Number, Ran

ENOUGH = 10
"""Of fewer runs, the success rate says nothing."""
RATED = 100
"""The success rate is that of so many runs, the last ones: what was mended is over some day."""
PROBLEM, CRITICAL, HEALTHY = 50.0, 80.0, 95.0
"""Success rates, in percent."""
IN_ROW = 3
STALE = timedelta(days=7)
ALLOWED = timedelta(days=1)
"""How late a run of a schedule that seldom runs may be."""
DURATION = "duration_seconds"
"""The name of the run time, among the metrics."""


class Verdict(StrEnum):
    """How a schedule is, in one word."""

    HEALTHY = "healthy"
    LOOK = "look"
    CRITICAL = "critical"
    OFF = "off"


class ReasonKind(StrEnum):
    """What is wrong."""

    SUCCESS_RATE = "success_rate"
    FAILING = "failing"
    STALE = "stale"
    PAUSED = "paused"
    UNUSUAL = "unusual"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """One thing that is wrong."""

    kind: ReasonKind
    text: str
    critical: bool
    problem: bool
    """Whether people are told of it by `schedule_unhealthy`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """How a schedule is."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    success_rate: float | None
    """Of the last runs, in percent; None before the first."""
    runs: int
    """How many runs those are."""
    metrics: Mapping[str, Judged] = field(default_factory=dict)
    """By name: of the last run that succeeded."""

    @property
    def problems(self) -> tuple[Reason, ...]:
        return tuple(one for one in self.reasons if one.problem)

    @property
    def unusual(self) -> Mapping[str, Judged]:
        """The metrics of the last run that are."""
        return {name: one for name, one in self.metrics.items() if one.unusual}


def examined(
    schedule: Schedule, jobs: Sequence[Ran], versions: Sequence[Version], now: datetime
) -> Health:
    """How a schedule is. `jobs`: its last jobs that ended, newest due first, without those of
    backfills, which say nothing of how it runs by itself; `versions`: those that say what was
    expected of it, oldest first."""
    runs = [job for job in jobs if job.status in RAN]
    rated = runs[:RATED]
    rate = percent(sum(job.status is Status.SUCCEEDED for job in rated), len(rated))
    metrics = {} if schedule.policy.band is Band.OFF else judged(schedule, runs)
    if _is_off(schedule):
        reasons: tuple[Reason, ...] = ()
    else:
        reasons = (
            *_paused(schedule),
            *_failing(schedule, runs),
            *_rate(rate, len(rated)),
            *_stale(schedule, versions, now),
            *_unusual(metrics),
        )
    return Health(
        verdict=_verdict(schedule, reasons),
        reasons=reasons,
        success_rate=rate,
        runs=len(rated),
        metrics=metrics,
    )


def judged(schedule: Schedule, runs: Sequence[Ran]) -> dict[str, Judged]:
    """The numbers of the last run, each against those before; none if it failed. `runs`: newest
    first. Those that people asked for are left out: they may be of any kind."""
    own = [job for job in runs if job.status is Status.SUCCEEDED and not is_manual(job.job_id)]
    if not own or own[0] is not next((job for job in runs if not is_manual(job.job_id)), None):
        return {}
    where = find(schedule.definition.recurrence.timezone)
    numbers = [(job.due_at.astimezone(where).date(), _numbers(job)) for job in reversed(own)]
    names = list(numbers[-1][1])[:MOST_NAMES]
    found: dict[str, Judged] = {}
    for name in names:
        values = [Value(day, every[name]) for day, every in numbers if name in every]
        one = judge(values, SECONDS if name == DURATION else COUNTS)
        if one is not None:
            found[name] = one
    return found


def stale_since(schedule: Schedule, versions: Sequence[Version], now: datetime) -> datetime | None:
    """Since when a run is due that did not take place, if none did for `STALE`; else None.

    What counts is what the schedule was to run since its last run, and since it was last changed,
    turned on or made: one that runs once a month is not stale between two runs.
    """
    recurrence, progress = schedule.definition.recurrence, schedule.progress
    if recurrence.frequency is Frequency.ONCE or not schedule.is_on:
        return None
    own = [job for job in progress.live if backfill_of(job.id) is None]
    if any(job.running for job in own):
        return None
    begun = [at for job in own if (at := job.first_started_at or job.started_at)]
    expected = [one.since for one in versions if one.recurrence is not None]
    from_then = max([schedule.created_at, *expected[-1:]])
    last = max([at for at in (progress.last_run_at, *begun) if at is not None] or [from_then])
    if now - max(last, from_then) < STALE:
        return None
    missed = next_run(recurrence, max(last, from_then))
    return missed if missed is not None and missed <= now - ALLOWED else None


def is_stale_suspect(schedule: Schedule, now: datetime) -> bool:
    """Whether it is stale, unless its versions say that it was not to run: they take a query."""
    return stale_since(schedule, (), now) is not None


def _is_off(schedule: Schedule) -> bool:
    off = not schedule.definition.enabled or schedule.deleted_at is not None
    return off or state(schedule) is ScheduleState.ENDED


def _verdict(schedule: Schedule, reasons: Sequence[Reason]) -> Verdict:
    if _is_off(schedule):
        return Verdict.OFF
    if any(one.critical for one in reasons):
        return Verdict.CRITICAL
    return Verdict.LOOK if reasons else Verdict.HEALTHY


def _paused(schedule: Schedule) -> Iterator[Reason]:
    said = schedule.progress.paused_reason
    if said is not None:
        yield Reason(kind=ReasonKind.PAUSED, text=said, critical=True, problem=False)


def _failing(schedule: Schedule, runs: Sequence[Ran]) -> Iterator[Reason]:
    last = runs[:IN_ROW]
    if len(last) == IN_ROW and all(job.status is Status.FAILED for job in last):
        passed = (number for number, job in enumerate(runs) if job.status is not Status.FAILED)
        error = schedule.progress.last_error or "no error"
        text = f"the last {next(passed, len(runs))} runs failed, the last with: {error}"
        yield Reason(kind=ReasonKind.FAILING, text=text[:1000], critical=True, problem=True)


def _rate(rate: float | None, runs: int) -> Iterator[Reason]:
    if rate is None or runs < ENOUGH or rate > HEALTHY:
        return
    yield Reason(
        kind=ReasonKind.SUCCESS_RATE,
        text=f"{rate} % of its last {runs} runs succeeded",
        critical=rate < CRITICAL,
        problem=rate < PROBLEM,
    )


def _stale(schedule: Schedule, versions: Sequence[Version], now: datetime) -> Iterator[Reason]:
    since = stale_since(schedule, versions, now)
    if since is not None:
        last = schedule.progress.last_run_at
        ran = f"its last run began at {last:%Y-%m-%d %H:%M} UTC" if last else "it never ran"
        text = f"it was to run at {since:%Y-%m-%d %H:%M} UTC and has not run since; {ran}"
        yield Reason(kind=ReasonKind.STALE, text=text, critical=True, problem=True)


def _unusual(metrics: Mapping[str, Judged]) -> Iterator[Reason]:
    for name, one in metrics.items():
        if one.unusual:
            text = in_words(name, one)
            yield Reason(kind=ReasonKind.UNUSUAL, text=text, critical=False, problem=False)


def in_words(name: str, one: Judged) -> str:
    """A metric of the last run, and what was usual."""
    band = one.band
    if band is None:
        return f"{name} was {_shown(one.number)}"
    days = "" if band.weekday is None else f" on {_DAYS[band.weekday]}"
    usual = f"usual{days} is about {_shown(band.median)}, of {band.runs} runs"
    return f"{name} was {_shown(one.number)}; {usual}"


_DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


def _shown(number: Number) -> str:
    return f"{number:,.3f}".rstrip("0").rstrip(".") if isinstance(number, float) else f"{number:,}"


def _numbers(job: Ran) -> dict[str, Number]:
    """The metrics of a run, its run time among them."""
    found: dict[str, Number] = {}
    if job.duration_seconds is not None:
        found[DURATION] = job.duration_seconds
    return found | {name: value for name, value in job.metrics.items() if name != DURATION}
