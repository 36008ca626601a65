"""Looks after approvals every few minutes, whatever other processes left undone."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from shared.alerts.port import AlertKind, AlertService
from shared.approvals.model import Approval, ApprovalStatus
from shared.approvals.service import Approvals
from shared.log import Event, event, instant
from shared.settings import ApprovalSettings
from shared.tasks import JobContext

_logger = logging.getLogger("belfry.approvals")
KEPT = timedelta(days=30)
"""Decided longer ago, they are removed (O10). The audit has what was decided: its entry is stored
before the decision is."""
_AT_ONCE = 64
_MANY, _OLD = "number", "age"


@dataclass(frozen=True, kw_only=True, slots=True)
class Upkeep:
    """The upkeep (`port.ApprovalUpkeep`)."""

    approvals: Approvals
    alerts: Callable[[], AlertService]
    settings: ApprovalSettings

    def watch(self, job: JobContext) -> Mapping[str, object]:
        """As `ApprovalUpkeep.watch`."""
        done: Counter[str] = Counter()
        now = job.clock.now()
        if not job.dry_run:
            self._finish(job, done)
        waiting = [*self._waiting(job, done)]
        if not job.dry_run:
            self._alert(waiting, now)
        self._remove(job, now, done)
        names = ("woken", "told", "expired", "withdrawn", "reminded", "removed")
        return {"pending": len(waiting)} | {name: done[name] for name in names}

    def _finish(self, job: JobContext, done: Counter[str]) -> None:
        """Do what follows of what others wrote, if they were killed before they did it."""
        store = self.approvals.store
        for id, job_id in store.unwoken():
            job.check()
            self.approvals.waking.wake(job_id)
            store.woken(id)
            done["woken"] += 1
        for id in store.untold():
            job.check()
            found = store.find(id)
            if found is not None and found.pending:
                self.approvals.tell(found)
                done["told"] += 1
            store.told(id)

    def _waiting(self, job: JobContext, done: Counter[str]) -> Iterator[Approval]:
        """Those that still wait for a person; the others are ended."""
        pending = self.approvals.store.pending()
        while some := [*islice(pending, _AT_ONCE)]:
            live = self.approvals.live(some)
            yield from (one for one in some if self._waits(one, one.id in live, job, done))

    def _waits(self, approval: Approval, live: bool, job: JobContext, done: Counter[str]) -> bool:
        """Whether it still waits for a person; if not, it is ended. `live`: whether its job is
        surely there."""
        job.check()
        now = job.clock.now()
        if now >= approval.expires_at:
            if not job.dry_run:
                self.approvals.expire(approval, now)
            done["expired"] += 1
            return False
        if job.dry_run:
            return True
        if not live and self.approvals.withdraw_if_gone(approval):
            done["withdrawn"] += 1
            return False
        self._remind(approval, now, done)
        return True

    def _remind(self, approval: Approval, now: datetime, done: Counter[str]) -> None:
        """Once, when half of its time is over."""
        half = approval.requested_at + (approval.expires_at - approval.requested_at) / 2
        if approval.reminded_at is not None or now < half:
            return
        self.approvals.tell(approval, again=True)
        if self.approvals.store.write(approval, replace(approval, reminded_at=now)) is not None:
            done["reminded"] += 1

    def _alert(self, waiting: list[Approval], now: datetime) -> None:
        alerts, kind = self.alerts(), AlertKind.APPROVALS_WAITING
        if len(waiting) > self.settings.most:
            said = f"{len(waiting)} approvals wait; more than {self.settings.most} are too many"
            alerts.open(kind, _MANY, said, level=len(waiting) // self.settings.most)
        else:
            alerts.close(kind, _MANY, f"{len(waiting)} approvals wait.")
        oldest = min(waiting, key=lambda one: one.requested_at, default=None)
        if oldest is not None and now - oldest.requested_at > self.settings.oldest:
            since = instant(oldest.requested_at, "seconds")
            alerts.open(kind, _OLD, f"{oldest.what} waits since {since} ({oldest.id})")
        else:
            alerts.close(kind, _OLD, "None waits for too long.")

    def _remove(self, job: JobContext, now: datetime, done: Counter[str]) -> None:
        store = self.approvals.store
        for status in ApprovalStatus:
            if status is ApprovalStatus.PENDING:
                continue
            for one in store.ended(status, now - KEPT):
                job.check()
                if one.decided_at is None or one.decided_at > now - KEPT:
                    continue
                if job.dry_run or store.remove(one):
                    done["removed"] += 1
        if done["removed"] and not job.dry_run:
            event(_logger, Event.APPROVAL_REMOVED, count=done["removed"])
