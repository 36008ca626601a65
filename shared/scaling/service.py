"""The scaling as a service: for its task (`port.ScalingService`), for the API and the metrics.

1. Measure, and read what is set at the app.
2. Decide, and store that under the state's ETag (`steps`), the change that is to be made with it.
   So of two runs at once one makes it, and one that is killed, maybe by the restart that its own
   change causes, is finished by the next.
3. Make the change, read it back, and store what came of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from shared.access import Caller
from shared.alerts.port import AlertKind, AlertService
from shared.audit.port import Action, Audit, Subject
from shared.errors import BelfryError, Misconfigured, Refused, Skipped, Unavailable
from shared.log import Event, event
from shared.scaling.measures import Measures, measured
from shared.scaling.policy import GAP, Level
from shared.scaling.row import StateRow
from shared.scaling.site import SERVICE, Later, Site
from shared.scaling.state import Change, ChangeOutcome, State
from shared.scaling.steps import Rules, Seen, step, to_make
from shared.scaling.traffic import Traffic
from shared.storage.queues.jobs import JobQueue
from shared.tasks import JobContext, Result

TASK = "scaling_policy"
ABOUT = "requests"
"""What the alert is about."""
_APPLIED = ChangeOutcome.APPLIED
_AZURE = (Refused, Misconfigured, Unavailable)
_logger = logging.getLogger("belfry.scaling")


class Scaling:
    """The service. `rules` is None if scaling is off; `site` is None if no app is named."""

    def __init__(
        self,
        *,
        rules: Rules | None,
        traffic: Traffic,
        queue: JobQueue,
        row: StateRow,
        site: Site | None,
        audit: Audit,
        alerts: Callable[[], AlertService],
    ) -> None:
        self._rules = rules
        self._traffic = traffic
        self._queue = queue
        self._row = row
        self._site = site
        self._app = "" if site is None else site.name
        self._audit = audit
        self._alerts = alerts

    def known(self) -> State | None:
        """What the last run found and decided; None if there was none."""
        return self._row.read()

    def run(self, job: JobContext) -> Result:
        """Judge, and set what follows (`port.ScalingService.run`)."""
        if self._rules is None:
            self._forget_emergency()
            raise Skipped("SCALING is off")
        rules, now = self._rules, job.clock.now()
        if now - job.due_at > GAP:
            raise Skipped("it is late: what there was to do then is no reason to change anything")
        measures, seen = self._measure(now), self._look(now)
        if job.dry_run:
            made = step(self.known(), measures, seen, rules, now, job.job_id)
            return _told(made) | {"dry_run": True, "changed": False}
        before: State | None = None

        def decide(stored: State | None) -> State:
            nonlocal before
            before = stored
            made = step(stored, measures, seen, rules, now, job.job_id)
            self._alert(stored, made)
            return made

        state = self._row.update(decide)
        self._tell(before, state, job)
        change = to_make(before, state)
        if change is not None and self._site is not None:
            job.check()
            state = self._make(self._site, change, job)
        self._traffic.forget(now)
        changed = change is not None and state.changes[0].outcome is _APPLIED
        return _told(state) | {"changed": changed}

    def _measure(self, now: datetime) -> Measures:
        due = self._queue.due(now)
        return measured(self._traffic.minutes(now), due.waited.total_seconds(), due.messages)

    def _look(self, now: datetime) -> Seen:
        if self._site is None:
            return Seen()
        try:
            found = self._site.read()
        except _AZURE as error:
            return Seen(problem=str(error), wait_until=_until(error, now))
        return Seen(scale=found.scale, changed_at=found.changed_at)

    def _alert(self, before: State | None, after: State) -> None:
        """People are told first, then the state is kept: a run that is killed tells again."""
        said = "; ".join(after.verdict.reasons)
        if after.verdict.level is Level.EMERGENCY:
            self._alerts().open(AlertKind.SCALING_EMERGENCY, ABOUT, said)
        elif before is None or before.verdict.level is Level.EMERGENCY:
            self._alerts().close(AlertKind.SCALING_EMERGENCY, ABOUT, said)

    def _forget_emergency(self) -> None:
        """Nobody would say that an emergency is over which began before SCALING was turned off."""
        before = self.known()
        if before is not None and before.verdict.level is Level.EMERGENCY:
            self._alerts().close(AlertKind.SCALING_EMERGENCY, ABOUT, "SCALING is off")

    def _tell(self, before: State | None, after: State, job: JobContext) -> None:
        """What is new in the log, and in the audit what an earlier run could not tell any more."""
        old = None if before is None else (before.verdict.level, before.wanted, before.held_back)
        new = (after.verdict.level, after.wanted, after.held_back)
        if after.wanted is not None and new != old:
            event(_logger, Event.SCALING_RECOMMENDED, job_id=job.job_id, **_shown(after))
        late = _late(before, after)
        if late is not None:
            with self._changing(late) as told:
                told.after = asdict(late.after)
            self._applied(late, job)

    def _make(self, site: Site, change: Change, job: JobContext) -> State:
        """Make the change. The app is read again right before, so that as little as possible of
        what others write meanwhile is written over."""
        try:
            found = site.read()
            if found.scale != change.before:
                raise Unavailable(SERVICE, "somebody else changes the app's scale settings")
            with self._changing(change) as told:
                site.write(found, change.after)
                told.after = asdict(change.after)
        except _AZURE as error:
            return self._failed(change, error, job)
        if not self._shows(site, change, job):  # the next run looks again
            sent = replace(change, outcome=ChangeOutcome.SENT)
            return self._row.update(lambda stored: _kept(stored).with_change(sent))
        self._applied(change, job)
        made = replace(change, outcome=_APPLIED)
        return self._row.update(
            lambda stored: replace(
                _kept(stored).with_change(made), now_set=change.after, wanted=None
            )
        )

    def _shows(self, site: Site, change: Change, job: JobContext) -> bool:
        """Whether the app is set as Azure was asked to."""
        try:
            return site.read().scale == change.after
        except _AZURE as error:
            job.log("the app could not be read back", level=logging.WARNING, error=str(error))
            return False

    def _failed(self, change: Change, error: BelfryError, job: JobContext) -> State:
        outcome = (
            ChangeOutcome.POSTPONED if isinstance(error, Unavailable) else ChangeOutcome.REFUSED
        )
        made = replace(change, outcome=outcome, error=str(error))
        until = _until(error, job.clock.now())
        job.log("the change was not made", level=logging.WARNING, error=str(error))
        return self._row.update(
            lambda stored: replace(
                _kept(stored).with_change(made), held_back=str(error), wait_until=until
            )
        )

    def _changing(self, change: Change) -> Any:
        by, subject = Caller.of_task(TASK), Subject("scale", self._app)
        return self._audit.changing(by, Action.CHANGE, subject, asdict(change.before))

    def _applied(self, change: Change, job: JobContext) -> None:
        event(
            _logger,
            Event.SCALING_APPLIED,
            job_id=job.job_id,
            level=logging.WARNING if change.level is Level.EMERGENCY else logging.INFO,
            verdict=change.level.value,
            **{f"old_{name}": value for name, value in asdict(change.before).items()},
            **asdict(change.after),
        )


def _kept(stored: State | None) -> State:
    """The state that a change was stored with: it is there, unless somebody removed the row."""
    if stored is None:
        raise Unavailable("table storage", "the state of the scaling is gone")
    return stored


def _until(error: BelfryError, now: datetime) -> datetime | None:
    return now + timedelta(seconds=error.seconds) if isinstance(error, Later) else None


def _late(before: State | None, after: State) -> Change | None:
    """The change of an earlier run that turns out to be made."""
    if before is None or not before.changes:
        return None
    old = before.changes[0]
    new = next((one for one in after.changes if (one.at, one.job_id) == (old.at, old.job_id)), None)
    made = new is not None and new.outcome is _APPLIED is not old.outcome
    return new if made else None


def _shown(state: State) -> dict[str, Any]:
    """The fields of a log line."""
    should = {} if state.wanted is None else asdict(state.wanted)
    return {
        "verdict": state.verdict.level.value,
        "reasons": "; ".join(state.verdict.reasons),
        "held_back": state.held_back,
        **should,
    }


def _told(state: State) -> dict[str, object]:
    """The task's result, but for whether it changed something."""
    measures = state.measures
    return {
        "verdict": state.verdict.level.value,
        "reasons": list(state.verdict.reasons),
        "requests_per_minute": measures.requests_per_minute,
        "p95_seconds": measures.p95_seconds,
        "queue_wait_seconds": round(measures.queue_wait_seconds, 1),
        "queue_messages": measures.queue_messages,
        "now_set": None if state.now_set is None else asdict(state.now_set),
        "wanted": None if state.wanted is None else asdict(state.wanted),
        "held_back": state.held_back,
    }
