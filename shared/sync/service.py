"""Finds the two places of a sync, runs its kind, and keeps what became of it.

The places are a customer's, so they are reached by the guard alone (`Reach`), and what a connection
string may say is held first (`shared.storage.outside.address`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from shared import parquet
from shared.errors import BelfryError, Conflict, Invalid, NotFound, Refused
from shared.resources.model import Resource
from shared.resources.port import ResourceService
from shared.resources.targets import Target, TargetKind
from shared.settings import UNSET, Secret
from shared.storage.outside.address import Address, Rules, Service, address
from shared.sync.merge import digest
from shared.sync.model import Counts, SyncRun, SyncStatus
from shared.sync.pace import Pace
from shared.sync.plan import Format, Kind, SyncPlan, kind_of, misfit, mode_of
from shared.sync.running import Run
from shared.sync.store import SyncStore
from shared.tasks import JobContext, Result

if TYPE_CHECKING:
    from psycopg import Connection

Found = Resource[Target]
_NONE = (
    "give source_id and destination_id, or pair_id: the project has {count} targets of the kind "
    "pair, and only one would say what is meant"
)


class Reach(Protocol):
    """The way to customers' places."""

    def hold(self, url: str) -> None:
        """Raise `ValueError` unless a request may go there, as far as the URL shows it."""

    def transport(self, stop: threading.Event) -> Any:
        """A transport for clients of storage, which ends when `stop` is set."""

    def database(self, url: str) -> Connection[Any]:
        """A connection to a PostgreSQL server. Raises as the guard, and as psycopg."""


class Syncs:
    """The service. `own`: the names of Belfry's storage accounts, which no project may name."""

    def __init__(
        self,
        resources: ResourceService,
        reach: Reach,
        store: SyncStore,
        own: Collection[str],
    ) -> None:
        self._resources = resources
        self._reach = reach
        self._own = own
        self.store = store

    def check(self, plan: SyncPlan, project_id: int | None) -> None:
        """Raise `Invalid` unless the plan's targets exist in that project and go together."""
        field, source, destination = self._targets(plan, project_id, running=False)
        try:
            kind = kind_of(source.what.kind.value, destination.what.kind.value)
        except ValueError as error:
            raise Invalid(field, str(error)) from None
        if (wrong := misfit(plan, kind)) is not None:
            raise Invalid(*wrong)
        if plan.format is Format.PARQUET and not parquet.is_installed():
            raise Invalid("format", parquet.MISSING)
        for one in (source, destination):
            if one.what.kind is TargetKind.SQL:
                continue
            try:
                self._address(one)
            except ValueError as error:
                raise Invalid(field, f"target {one.id}: {error}") from None

    def sync(self, plan: SyncPlan, job: JobContext) -> Result:
        """Copy what the plan says; the counts."""
        _, source, destination = self._targets(plan, job.project_id, running=True)
        kind = _kind(source, destination)
        if (wrong := misfit(plan, kind)) is not None:
            raise Invalid(*wrong)
        run = self._run(plan, job, kind, source, destination)
        if run.state.done == job.job_id:  # its end was written, and the attempt died after that
            before = self.store.told(job.project_id, job.job_id)
            if before is not None and before.status is SyncStatus.SUCCEEDED:
                return self._told(before, run)
        run.take_over()
        job.log("syncs", kind=kind.value, attempt=job.attempt, resumed=bool(run.position))
        try:
            value = self._work(run, kind, source, destination)()
        except BelfryError as error:
            self._failed(run, error)
            raise
        return self._ended(run, value)

    # --- what it copies

    def _targets(
        self, plan: SyncPlan, project_id: int | None, *, running: bool
    ) -> tuple[str, Found, Found]:
        """(the parameter that names them, the source, the destination). What is gone is `NotFound`
        to a run, to which a pair that is disabled is `Refused`; else it is `Invalid`."""

        def target(field: str, target_id: str) -> Found:
            try:
                return self._resources.target(target_id, project_id)
            except NotFound as error:
                if running:
                    raise
                raise Invalid(field, str(error)) from None

        if plan.source_id and plan.destination_id:
            there = target("destination_id", plan.destination_id)
            return "source_id", target("source_id", plan.source_id), there
        if plan.pair_id:
            pair = target("pair_id", plan.pair_id)
            if pair.what.kind is not TargetKind.PAIR:
                raise Invalid("pair_id", f"target {pair.id} is of the kind {pair.what.kind}")
        else:
            known = [
                one
                for one in self._resources.targets(project_id)
                if one.what.kind is TargetKind.PAIR
            ]
            if len(known) != 1:
                raise Invalid("pair_id", _NONE.format(count=len(known) or "no"))
            pair = known[0]
        if pair.disabled and running:
            raise Refused(f"target {pair.id}", f"it is disabled: {pair.disabled}")
        source = target("pair_id", pair.what.source_id)
        return "pair_id", source, target("pair_id", pair.what.destination_id)

    def _address(self, one: Found) -> Address:
        """Where a container or a table is. Raises `ValueError`."""
        service: Service = "blob" if one.what.kind is TargetKind.CONTAINER else "table"
        name = one.what.container if service == "blob" else one.what.table
        rules = Rules(own=self._own, anywhere=one.project_id is None)
        found = address(_secret(one), service, name, rules)
        self._reach.hold(found.url)
        return found

    def _place(self, one: Found) -> Address:
        if one.disabled:
            raise Refused(f"target {one.id}", f"it is disabled: {one.disabled}")
        try:
            return self._address(one)
        except ValueError as error:
            raise Refused(f"target {one.id}", str(error)) from None

    # --- one run

    def _run(
        self, plan: SyncPlan, job: JobContext, kind: Kind, source: Found, destination: Found
    ) -> Run:
        state = self.store.state(job.project_id, job.series)
        of = _digest(plan, kind, source, destination)
        if state.of != of:
            state = replace(state, of=of, value={})
        cursor = state.cursor
        mine = cursor if cursor is not None and cursor.job_id == job.job_id else None
        now = job.clock.now()
        about = SyncRun(
            job_id=job.job_id,
            schedule_id=job.schedule_id,
            series=job.series,
            project_id=job.project_id,
            kind=kind.value,
            source=source.id,
            destination=destination.id,
            status=SyncStatus.RUNNING,
            due_at=job.due_at,
            began_at=mine.began_at if mine else now,
            changed_at=now,
            counts=Counts(),
            segments=0,
        )
        pace = Pace(
            job.clock,
            job.stop,
            job.check,
            bytes_per_second=plan.bytes_per_second,
            items_per_second=plan.items_per_second,
        )
        return Run(
            job=job,
            plan=plan,
            pace=pace,
            store=self.store,
            state=state,
            about=about,
            dry=job.dry_run or plan.dry_run,
            counts=Counts.of(mine.counts) if mine else Counts(),
            position=mine.position if mine else {},
            segments=mine.segments if mine else 0,
        )

    def _work(
        self, run: Run, kind: Kind, source: Found, destination: Found
    ) -> Callable[[], dict[str, Any]]:
        """What does it. Each kind is imported when it is needed."""
        transport, check = self._reach.transport(run.job.stop), run.job.check
        if kind is Kind.TABLE:
            from shared.storage.outside.tables import OutsideTable
            from shared.sync.table import TableSync

            table = OutsideTable(self._place(source), transport, check)
            return TableSync(table, OutsideTable(self._place(destination), transport, check), run)
        from shared.storage.outside.containers import OutsideContainer

        there = OutsideContainer(self._place(destination), transport, check)
        if kind is Kind.CONTAINER:
            from shared.sync.container import ContainerSync

            return ContainerSync(
                OutsideContainer(self._place(source), transport, check), there, run
            )
        from shared.sync.database import DatabaseSync

        url, where = _secret(source).reveal(), f"the database of target {source.id}"
        if source.disabled:
            raise Refused(where, f"it is disabled: {source.disabled}")
        return DatabaseSync(lambda: self._reach.database(url), where, there, run)

    def _ended(self, run: Run, value: Mapping[str, Any]) -> Result:
        counts = run.counts
        if not counts.failed:
            run.end(SyncStatus.SUCCEEDED, value)
            return self._told(run.shown(SyncStatus.SUCCEEDED), run)
        first = run.first_failure
        error = Refused(
            "sync",
            f"{counts.failed} of {counts.items} items failed"
            + (f", first {first.name}: {first.reason}" if first else "")
            + f"; the report has all (/api/v1/syncs/{run.job.job_id}/items)",
        )
        run.end(SyncStatus.FAILED, value, str(error))
        raise error

    def _failed(self, run: Run, error: BelfryError) -> None:
        """Keep how it stands. If another attempt may help, it goes on from here."""
        if run.dry or run.job.stop.is_set():
            return  # nothing is kept of a dry run; what was stopped goes on from its last save
        try:
            if error.permanent:
                run.end(SyncStatus.FAILED, None, str(error))
            else:
                run.pause(str(error))
        except Conflict:
            run.give_way(str(error))

    def _told(self, shown: SyncRun, run: Run) -> Result:
        result: dict[str, object] = {**shown.counts.said(), **shown.more}
        if run.dry:
            return result | {"dry_run": True, "would": run.would}
        return result | {"report": f"/api/v1/syncs/{shown.job_id}"}


def _secret(one: Found) -> Secret:
    return one.secrets.get("url", UNSET)


def _kind(source: Found, destination: Found) -> Kind:
    try:
        return kind_of(source.what.kind.value, destination.what.kind.value)
    except ValueError as error:
        raise Refused("sync", str(error)) from None


def _digest(plan: SyncPlan, kind: Kind, source: Found, destination: Found) -> str:
    """What a watermark holds for: other places, or other rows, begin anew."""
    said = plan.model_dump_json(
        include={"prefix", "filter", "table", "columns", "key", "watermark", "folder"}
    )
    return digest(kind.value, mode_of(plan, kind).value, source.id, destination.id, said)
