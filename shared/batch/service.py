"""Does batches, for the task `batch`.

An attempt takes the batch over by a write under the row's ETag, which counts up its epoch; then it
writes the items down, if no earlier one did; then it does them (`running`). Killed at any instant,
it leaves a row and files from which the next one goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice

from shared.batch.calling import ToTask
from shared.batch.checks import Checks
from shared.batch.files import Files
from shared.batch.forgetting import KEPT
from shared.batch.model import (
    CHUNK,
    BatchState,
    Head,
    ItemStatus,
    Outcome,
    Saved,
    counted,
)
from shared.batch.operations import Operates, batch_id
from shared.batch.params import BatchParams, Operation
from shared.batch.port import ChangeOf
from shared.batch.progress import Progress
from shared.batch.running import Running
from shared.batch.schedules import ToSchedules
from shared.batch.sources import Sources, in_files
from shared.batch.store import Place, Store
from shared.batch.working import Working
from shared.calendars.service import Calendars
from shared.clock import Clock
from shared.engine.commands.schedules import Manager
from shared.engine.work.execute import Executor
from shared.engine.work.limits import Limits
from shared.errors import LeaseLost, Refused
from shared.projects import name_of
from shared.storage.blobs import room
from shared.storage.tables.compare_and_set import compare_and_set
from shared.tasks import JobContext, Proposed, Registry, Services

_REHEARSED = 1_000
"""Items of a batch that a dry run of its task looks at; it may store nothing."""
_MOST = 1_000
"""Batches that a project keeps. So the listing of their files stays short."""
_REMOVED = 20
"""Old batches that one run removes."""


class Batches:
    """The batches of one app. `at_once`: the most items of one that call a task at once; 0 for no
    limit but the batch's own."""

    def __init__(
        self,
        *,
        store: Store,
        sources: Sources,
        files: Files,
        manager: Manager,
        calendars: Calendars,
        registry: Registry,
        services: Services,
        executor: Executor,
        limits: Limits,
        clock: Clock,
        at_once: int,
        chunk: int = CHUNK,
    ) -> None:
        self.store = store
        self.files = files
        self.progress = Progress(store, clock, chunk)
        self._checks = Checks(files, registry, services)
        self._sources = sources
        self._manager = manager
        self._calendars = calendars
        self._registry = registry
        self._services = services
        self._executor = executor
        self._limits = limits
        self._at_once = at_once
        self._chunk = chunk

    def hold(self, params: BatchParams, proposed: Proposed, change_of: ChangeOf) -> None:
        """See `port.BatchService`."""
        self._checks.hold(params, proposed, change_of)

    def run(
        self, job: JobContext, params: BatchParams, change_of: ChangeOf
    ) -> Mapping[str, object]:
        """See `port.BatchService`."""
        if job.dry_run:
            return self._rehearsed(job, params, change_of)
        batch = batch_id(job.job_id)
        self.store.container.create(job.check)
        saved = self._take_over(job, batch)
        head = self.store.head(job.project_id, batch)
        if head is None:
            self._remove_old(job, batch)
            self._hold_room(job, batch)
            head, saved = self._listed(job, params, batch, saved)
        if saved.state is BatchState.COMPLETED:
            return _result(head, saved)
        if saved.state is BatchState.STOPPED:  # and then it was killed, before its job was told
            raise Refused(f"batch {batch}", saved.reason)
        return Running(
            store=self.store,
            job=job,
            params=params,
            head=head,
            saved=saved,
            operation=self._operation(job, params, batch, change_of, saved.epoch),
            concurrency=self._concurrency(params),
            chunk=self._chunk,
        ).run()

    def _concurrency(self, params: BatchParams) -> int:
        if params.operation is not Operation.TASK:
            return params.concurrency
        limits = [params.concurrency]
        if self._at_once:
            limits.append(self._at_once)
        task = self._registry.get(params.task_type or "")
        if task.max_concurrent is not None:  # a batch leaves half of the places to others
            limits.append(max(task.max_concurrent // 2, 1))
        return min(limits)

    def _take_over(self, job: JobContext, batch: str) -> Saved:
        """From now on no earlier attempt can write. A job that repeats one whose batch stopped goes
        on with it."""

        def attempt() -> Saved | None:
            saved = self.store.saved(job.project_id, batch) or Saved()
            taken = replace(saved, epoch=saved.epoch + 1, began_at=job.clock.now())
            if saved.job_id != job.job_id:
                taken = replace(taken, job_id=job.job_id, base=saved.counts)
                if saved.state is BatchState.STOPPED:
                    taken = replace(taken, state=BatchState.RUNNING, reason="")
            try:
                return self.store.save(job.project_id, batch, taken)
            except LeaseLost:
                return None

        return compare_and_set(f"the batch {batch}", attempt)

    def _listed(
        self, job: JobContext, params: BatchParams, batch: str, saved: Saved
    ) -> tuple[Head, Saved]:
        """Write the items down, and then that they are."""
        at, digests, total = Place(job.project_id, batch), list[str](), 0
        items = self._sources.items(params, job.project_id, job.schedule_id)
        for number, some in in_files(items, self._chunk):
            job.check()
            digests.append(self.store.write_items(at, saved.epoch, number, some))
            total += len(some)
        head = Head(
            id=batch,
            schedule_id=job.schedule_id,
            project_id=job.project_id,
            operation=_said(params),
            dry_run=params.dry_run,
            total=total,
            epoch=saved.epoch,
            digests=digests,
            created_at=job.clock.now(),
        )
        job.log("items written down", items=total)
        begun = replace(saved, state=BatchState.RUNNING, updated_at=job.clock.now())
        return head, self.store.save(job.project_id, batch, begun, head)

    def _operation(
        self,
        job: JobContext,
        params: BatchParams,
        batch: str,
        change_of: ChangeOf,
        attempt: int = 1,
    ) -> Operates:
        if params.operation is Operation.TASK:
            return ToTask(
                executor=self._executor,
                limits=self._limits,
                services=self._services,
                task=self._registry.get(params.task_type or ""),
                template=params.template,
                batch=batch,
                job=job,
                attempt=attempt,
                seconds=params.item_timeout_seconds,
            )
        return ToSchedules(
            manager=self._manager,
            calendars=self._calendars,
            registry=self._registry,
            operation=params.operation,
            template=params.template,
            change_of=change_of,
            batch=batch,
            project_id=job.project_id,
            due_at=job.due_at,
        )

    def _rehearsed(
        self, job: JobContext, params: BatchParams, change_of: ChangeOf
    ) -> Mapping[str, object]:
        """What a dry run of the task says: it looks at the first items, and stores nothing."""
        operation = self._operation(job, params, batch_id(job.job_id), change_of)
        items = self._sources.items(params, job.project_id, job.schedule_id)
        working = Working(operation.rehearse, 1, job.clock)
        found = list[Outcome]()
        for index, item in enumerate(islice(items, _REHEARSED)):
            job.check()
            found.append(working.done(index, item))
        return {
            "items_looked_at": len(found),
            **counted(found).told(),
            "dry_run": True,
            "would": [{"item": one.label, "result": one.result} for one in found[:30]],
            "errors": [
                {"item": one.label, "error": one.error}
                for one in found
                if one.status is ItemStatus.FAILED
            ][:10],
        }

    def _hold_room(self, job: JobContext, batch: str) -> None:
        """Raise `Refused` if the project keeps as many bytes as it may."""
        project = name_of(job.project_id)
        advice = (
            "old batches go by themselves; delete files that were sent "
            "(DELETE /api/v1/batches/files/{file_id}), or let batches have fewer items"
        )
        but = f"{project}/{batch}/"
        room.hold("batches", advice, self.store.container, f"{project}/", job.check, but=but)

    def _remove_old(self, job: JobContext, batch: str) -> None:
        """Remove batches of the project that are old, or that ended and are too many."""
        limit = job.clock.now() - KEPT
        old = (
            one
            for number, one in enumerate(self.store.heads(job.project_id))
            if one.created_at < limit or (number >= _MOST and one.ended is not None)
        )
        for one in list(islice(old, _REMOVED)):
            job.check()
            if one.id != batch:
                self.store.remove(one.project_id, one.id)


def _said(params: BatchParams) -> str:
    """The operation, in words of the API."""
    if params.operation is Operation.TASK:
        return f"{params.operation} {params.task_type}"
    return params.operation


def _result(head: Head, saved: Saved) -> Mapping[str, object]:
    return {"batch": head.id, "items": head.total, **saved.counts.told(), "dry_run": head.dry_run}
