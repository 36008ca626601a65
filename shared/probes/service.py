"""What the task and the API ask of health checks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.errors import Invalid, Refused, Skipped
from shared.log import Event, event
from shared.outgoing import Outgoing
from shared.probes import lateness
from shared.probes.itself import Itself
from shared.probes.model import Measured, Result, Standing
from shared.probes.params import HealthCheck
from shared.probes.reaching import Place, Reaching
from shared.probes.store import Kept, Store
from shared.resources.checks import target_fits
from shared.resources.port import ResourceService
from shared.resources.targets import Target, TargetKind
from shared.settings import Secret
from shared.tasks import JobContext, Proposed

_logger = logging.getLogger("belfry.probes")

SERVICE = "health check"
_NOTHING = Secret("")


class Probes:
    """The service (`port.ProbeService`). Every method raises `Unavailable` or `Refused` if storage
    fails."""

    def __init__(
        self,
        store: Store,
        itself: Itself,
        reaching: Callable[[], Reaching],
        resources: Callable[[], ResourceService],
        outgoing: Callable[[], Outgoing],
        clock: Clock,
    ) -> None:
        self._store = store
        self._itself = itself
        self._reaching = reaching
        self._resources = resources
        self._outgoing = outgoing
        self._clock = clock

    def check(self, job: JobContext, wanted: HealthCheck) -> Mapping[str, object]:
        """Look, and count what was found. A job that was killed after it counted does not look
        again; it ends as it would have. One that is too late to be of use is skipped."""
        kept = self._known(job) or self._kept(job, wanted)
        found, state = kept.result.measured, kept.check.state
        job.log(
            f"found it {found.status}",
            status=state.status.value,
            response_ms=_rounded(found.milliseconds),
            said=found.said,
        )
        if wanted.fail_when_down and state.status is Standing.DOWN:
            said = found.said or f"answered, but it takes {wanted.successes_before_up} in a row"
            raise Refused(SERVICE, f"down: {said}")
        return {
            "status": state.status.value,
            "found": found.status.value,
            "response_ms": _rounded(found.milliseconds),
            "said": found.said,
            **found.facts,
        }

    def fits(self, wanted: HealthCheck, proposed: Proposed) -> None:
        """Raise `Invalid` unless it can be looked at, as far as that can be seen."""
        if wanted.target_id is not None:
            self._target_fits(wanted, wanted.target_id, proposed)
            return
        wanted.hold(TargetKind.HTTP if wanted.url else None)
        if wanted.url and "url" in proposed.new:
            _hold("url", lambda: self._outgoing().hold(wanted.url))

    def _target_fits(self, wanted: HealthCheck, target_id: str, proposed: Proposed) -> None:
        """The same of a target."""
        found = target_fits(self._resources(), target_id, proposed)
        if found is not None:
            wanted.hold(found.what.kind)

    def _known(self, job: JobContext) -> Kept | None:
        if job.attempt == 1 and not lateness.is_late(job.due_at, self._clock.now()):
            return None
        return self._store.known(job.project_id, job.series, job.job_id)

    def _kept(self, job: JobContext, wanted: HealthCheck) -> Kept:
        at = self._clock.now()
        if lateness.is_late(job.due_at, at):
            check = self._store.check(job.project_id, job.series)
            lateness.hold(job.due_at, job.job_id, check.last if check else None, at)
        found = self._look(job, wanted)
        job.check()
        result = Result(job_id=job.job_id, at=at, measured=found)
        kept = self._store.keep(job.project_id, job.series, result, wanted.thresholds, job.due_at)
        if kept.change is not None:
            _tell(job, kept)
        return kept

    def _look(self, job: JobContext, wanted: HealthCheck) -> Measured:
        place = self._place(job.project_id, wanted)
        if place is None:
            return self._itself.look(wanted)
        return self._reaching().look(place, wanted, job.stop)

    def _place(self, project_id: int | None, wanted: HealthCheck) -> Place | None:
        if wanted.target_id is not None:
            found = self._resources().target(wanted.target_id, project_id)
            if found.disabled:
                raise Skipped(f"target {found.id} is disabled: {found.disabled}")
            wanted.hold(found.what.kind)
            return Place(
                what=found.what,
                url=found.secrets.get("url", _NOTHING),
                authorization=found.secrets.get("authorization", _NOTHING),
            )
        if wanted.url:
            return Place(what=Target(name="url", kind=TargetKind.HTTP, url=wanted.url))
        return None


def _hold(field: str, check: Callable[[], None]) -> None:
    try:
        check()
    except ValueError as error:
        raise Invalid(field, str(error)) from None


def _tell(job: JobContext, kept: Kept) -> None:
    change = kept.change
    assert change is not None  # noqa: S101 (the caller looked)
    level = logging.WARNING if change.after is Standing.DOWN else logging.INFO
    event(
        _logger,
        Event.HEALTH_CHECK_CHANGED,
        level=level,
        schedule_id=job.schedule_id,
        job_id=job.job_id,
        before=change.before.value,
        after=change.after.value,
    )


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)


def is_stale(last: datetime, every: timedelta, now: datetime) -> bool:
    """Whether a check's last result is so old that it says nothing of now: three times what lay
    between its last two results, and a quarter of an hour at least."""
    return now - last > max(3 * every, timedelta(minutes=15))
