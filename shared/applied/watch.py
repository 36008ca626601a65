"""Looks every few minutes whether what was applied is still so, and tells people of drift.

Of an owner of whose things nothing was changed, added or deleted since the last look, it reads one
small row. People are told first, then what was found is kept: a run that is killed is done again by
the next, and the alerts say nothing twice.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from shared.alerts.port import AlertKind, AlertService
from shared.applied import compare
from shared.applied.looking import Found, Looking, Present
from shared.applied.model import Extent, Head
from shared.applied.store import Replaced
from shared.log import Event, event
from shared.tasks import JobContext

_NAMED = 20
_KIND = AlertKind.SCHEDULES_DRIFTED
_logger = logging.getLogger("belfry.operations")


class Alerts(AlertService, Protocol):
    """The alerts, and what is open of them."""

    def open_subjects(self, kind: AlertKind) -> Collection[str]: ...


@dataclass(frozen=True, slots=True)
class _Look:
    """An apply as it was kept, and as it is found now."""

    before: Head
    after: Head
    found: Found | None = None
    """None: nothing was changed since the last look."""


class Watch:
    """The monitor, bound to what it works on (`port.DriftMonitor`)."""

    def __init__(self, looking: Looking, alerts: Alerts) -> None:
        self._looking = looking
        self._alerts = alerts

    def watch(self, job: JobContext) -> Mapping[str, object]:
        """Compare (`port.DriftMonitor.watch`). A dry run tells nobody, and keeps nothing."""
        heads = self._looking.store.heads()
        told = set(self._alerts.open_subjects(_KIND))
        present = self._looking.present() if heads else Present({}, {})
        drifted: dict[str, int] = {}
        for owner, counting in compare.by_owner(heads).items():
            job.check()
            looks = [self._look(head, extent, present, job) for head, extent in counting]
            if count := sum(one.after.drifted for one in looks):
                drifted[owner] = count
            if not job.dry_run:
                self._tell(owner, looks, told)
                self._keep(looks)
        if not job.dry_run:
            for owner in sorted(told - drifted.keys()):
                self._alerts.close(_KIND, owner, f"{owner}: all is as it was applied")
        if drifted:
            self._log(drifted, job)
        return {"owners": len({one.owner for one in heads}), "drifted": sorted(drifted)[:_NAMED]}

    def _look(self, head: Head, extent: Extent, present: Present, job: JobContext) -> _Look:
        """An apply as it is found now."""
        state = compare.state(present.of(head.owner, extent))
        if state == head.looked:
            return _Look(head, head)
        try:
            found = self._looking.compared(head, extent, present)
        except Replaced:  # the next run looks at what took its place
            found = None
        if found is None:
            return _Look(head, head)
        some = found.differences
        after = replace(
            head,
            looked=state,
            drifted=len(some),
            said=compare.in_words(some) if some else "",
            since=(head.since or job.clock.now()) if some else None,
        )
        return _Look(head, after, found)

    def _tell(self, owner: str, looks: Sequence[_Look], told: Collection[str]) -> None:
        """Tell that an owner's schedules drifted, unless that is told and nothing is new."""
        said = [one.after.said for one in looks if one.after.drifted]
        if said and (owner not in told or any(one.found for one in looks)):
            self._alerts.open(_KIND, owner, "\n".join([f"{owner}:", *said]))

    def _keep(self, looks: Iterable[_Look]) -> None:
        """Keep what was found, unless it was applied again meanwhile: then the next run looks."""
        for one in looks:
            if one.found is not None:
                self._looking.store.write(one.before, one.after, one.found.entries)

    def _log(self, drifted: Mapping[str, int], job: JobContext) -> None:
        event(
            _logger,
            Event.SCHEDULES_DRIFTED,
            level=logging.WARNING,
            schedule_id=job.schedule_id,
            job_id=job.job_id,
            drifted=sum(drifted.values()),
            named=", ".join(sorted(drifted)[:_NAMED]),
        )
