"""The gate before critical jobs (`engine.work.gates.Gate`): a job goes on only with what a person
approved."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from shared.approvals import digest, expiry, policy
from shared.approvals.asked import UNKNOWN
from shared.approvals.behind import Behind
from shared.approvals.model import Approval, ApprovalStatus, Asked
from shared.approvals.service import Approvals
from shared.approvals.standing import Step, next_step, why_skipped
from shared.approvals.store import is_newest
from shared.audit.entry import canonical
from shared.clock import Clock
from shared.engine.work.gates import impact
from shared.errors import Held, Skipped
from shared.log import Event, JobLog, event, instant
from shared.schedules.job import run_of
from shared.schedules.model import ASKS, LiveJob, Schedule
from shared.settings import ApprovalSettings
from shared.storage.tables.compare_and_set import compare_and_set
from shared.tasks import JobContext, Params, Services, Task
from shared.tasks.preview import Preview

_logger = logging.getLogger("belfry.approvals")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a job would do."""

    schedule: Schedule
    live: LiveJob
    task: Task
    params: Params
    preview: Preview
    content: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalGate:
    """The gate."""

    approvals: Approvals
    services: Services
    clock: Clock
    settings: ApprovalSettings
    behind: Behind
    askers: Callable[[str], frozenset[str]]
    """On whose behalf a step's schedule runs."""
    deadline_of: Callable[[str], datetime | None]
    """Until when the run of a step's schedule may last, if there is a limit."""

    def ask(self, schedule: Schedule, live: LiveJob, task: Task, params: Params) -> None:
        """As `Gate.ask`."""
        wish = self._wish(schedule, live, task, params)
        compare_and_set(f"the approval of {live.id}", lambda: self._passed(wish))

    def _passed(self, wish: Wish) -> bool | None:
        """True if the job may go on; None if somebody else wrote meanwhile. Raises `Held` or
        `Skipped`."""
        store, now = self.approvals.store, self.clock.now()
        job, known = store.of_job(wish.live.id)
        step = next_step(known, wish.content, now)
        if step is Step.ASK or known is None:
            new = self._new(wish, job.number + 1, now)
            latest, newest = store.newest_of(new.schedule_id)
            first = is_newest(new, newest)
            voided = _voided(new, known, newest if first else None, now)
            if store.ask(new, job, voided, latest if first else None) is None:
                return None
            event(_logger, Event.APPROVAL_ASKED, approval=new.id, job_id=new.job_id)
            self.approvals.follow_up(new, voided)
            raise _waiting(new)
        match step:
            case Step.WAIT:
                raise _waiting(known)
            case Step.EXPIRE:
                raise Skipped(why_skipped(self.approvals.expire(known, now)))
            case Step.SKIP:
                raise Skipped(why_skipped(known))
            case Step.BEGIN:
                began = store.write(known, replace(known, begun_at=now))
                return None if began is None else True
        return True

    def _wish(self, schedule: Schedule, live: LiveJob, task: Task, params: Params) -> Wish:
        what = schedule.definition
        log = JobLog(
            _logger,
            {"schedule_id": schedule.id, "job_id": live.id},
            lambda: instant(self.clock.now()),
        )
        context = JobContext(
            job_id=live.id,
            schedule_id=schedule.id,
            schedule_name=what.name,
            project_id=what.project_id,
            due_at=live.due_at,
            attempt=live.attempt,
            clock=self.clock,
            log=log,
            dry_run=True,
            forced=live.forced,
            stop=threading.Event(),
        )
        preview = task.previewed(context, params, self.services)
        content = digest.content_of(
            project_id=what.project_id,
            schedule_id=schedule.id,
            job_id=live.id,
            task=task.name,
            impact=impact(schedule, task),
            parameters=params.model_dump(mode="json"),
            preview=preview,
        )
        return Wish(
            schedule=schedule,
            live=live,
            task=task,
            params=params,
            preview=preview,
            content=content,
        )

    def _asked(self, schedule_id: str, job_id: str) -> Asked:
        """On whose behalf the job runs."""
        if run_of(schedule_id) is None:
            return self.behind(job_id)
        persons = self.askers(schedule_id)
        return Asked(", ".join(sorted(persons)) or UNKNOWN, persons)

    def _new(self, wish: Wish, number: int, now: datetime) -> Approval:
        """What is asked. Raises `Skipped` if no time is left for it."""
        schedule, what = wish.schedule, wish.schedule.definition
        following, interval = expiry.following(schedule, now)
        deadline = self.deadline_of(schedule.id)
        until = expiry.expires_at(now, self.settings.limit, following, interval, deadline)
        if until <= now:
            end = instant(min(one for one in (following, deadline) if one is not None))
            raise Skipped(f"approval_expired: no time was left to ask a person before {end}")
        asked = self._asked(schedule.id, wish.live.id)
        run = run_of(schedule.id)
        needed, rule = policy.needed(
            self.settings, wish.task.name, wish.params, what.tags, step=run is not None
        )
        return Approval(
            id=digest.id_of(wish.live.id, wish.content, number),
            number=number,
            project_id=what.project_id,
            schedule_id=schedule.id,
            schedule_name=what.name,
            job_id=wish.live.id,
            due_at=wish.live.due_at,
            run=run,
            step=what.tags.get("step") if run is not None else None,
            task=wish.task.name,
            impact=impact(schedule, wish.task),
            parameters=canonical(wish.params.model_dump(mode="json")),
            preview=wish.preview,
            content=wish.content,
            digest=digest.digest_of(wish.content, until),
            requested_at=now,
            requested_by=asked.by,
            excluded=asked.persons,
            expires_at=until,
            needed=needed,
            policy=rule,
        )


def _waiting(approval: Approval) -> Held:
    until = instant(approval.expires_at)
    return Held(approval.expires_at, f"{ASKS} {approval.id} until {until}")


def _voided(
    new: Approval, known: Approval | None, newest: Approval | None, now: datetime
) -> list[tuple[Approval, Approval]]:
    """(each approval that a new one takes the place of, what becomes of it): that of the same job,
    and one of an earlier occurrence that still waits."""
    found: list[tuple[Approval, Approval]] = []
    if known is not None:
        why = f"what the job will do changed; {new.id} asks for that"
        found.append((known, known.ended(ApprovalStatus.SUPERSEDED, now, why)))
    if newest is not None and newest.pending and newest.job_id != new.job_id:
        why = f"a newer occurrence asks: {new.job_id}"
        found.append((newest, newest.ended(ApprovalStatus.SUPERSEDED, now, why)))
    return found
