"""What is left of customers' tasks is removed once nothing needs it, whenever the task is killed;
and what is needed stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.operations.customer_cleanup import customer_cleanup
from local.azurite import Azurite
from shared.analysis.store import Store as Analyses
from shared.batch.model import Head
from shared.batch.model import Saved as Progress
from shared.batch.store import Place
from shared.batch.store import Store as Batches
from shared.errors import Unavailable
from shared.exports.params import ExportParams
from shared.probes.model import Measured, Result, Standing, Thresholds
from shared.schedules.job import job_id
from shared.storage.names import Names
from shared.sync.model import Counts, State, SyncRun, SyncStatus
from shared.webhooks.model import DeliveryStatus
from shared.webhooks.service import new_delivery
from shared.webhooks.store import Store as Deliveries
from tests.context import job_of
from tests.dying import Dying, Killed
from tests.integration.access.customers import _analysis
from tests.integration.engine.conftest import Engine, make


class Left:
    """What tasks of project 1 left: of schedule `gone`, which there is not, and of `s`, which there
    is."""

    def __init__(self, engine: Engine, kept: str) -> None:
        self.engine = engine
        self.app = engine.app
        self.names = Names(self.app.settings.prefix)
        self.kept = kept
        table, made = self.app.connection.table, self.app.connection.blobs
        self.batches = Batches(table(self.names.table), made(self.names.batches))
        self.analyses = Analyses(table(self.names.table), made(self.names.analysis))
        self.deliveries = Deliveries(self.app.connection, self.names.webhooks)

    def leave(self) -> None:
        now = self.engine.clock.now().replace(microsecond=0)
        _analysis(self.engine)
        for schedule in ("gone", self.kept):
            name = job_id(schedule, now)
            self._export(schedule, name, now)
            self._check(schedule, name, now)
            self._check(f"{schedule}.0123456789abcdef", f"{name}-i0", now)
            self._sync(schedule, schedule, name, now)
            self._sync(schedule, f"{schedule}.0123456789abcdef", f"{name}-i0", now)
            self._batch(schedule, name, now)
            self._delivery(schedule, now)

    def _export(self, schedule: str, name: str, now: datetime) -> None:
        job = job_of(
            job_id=name, schedule_id=schedule, project_id=1, due_at=now, clock=self.engine.clock
        )
        given = {"format": "json", "keep_days": 30, "data": "schedules"}
        self.app.exports().export(ExportParams.model_validate(given), job)

    def _check(self, series: str, name: str, now: datetime) -> None:
        found = Result(job_id=name, at=now, measured=Measured(status=Standing.UP))
        self.app.health_checks().keep(1, series, found, Thresholds())

    def _sync(self, schedule: str, series: str, name: str, now: datetime) -> None:
        run = SyncRun(
            job_id=name,
            schedule_id=schedule,
            series=series,
            project_id=1,
            kind="container",
            source="a",
            destination="b",
            status=SyncStatus.SUCCEEDED,
            due_at=now,
            began_at=now,
            changed_at=now,
            counts=Counts(),
            segments=1,
        )
        syncs = self.app.syncs
        syncs.write(syncs.state(1, series), State(done=name), run)
        self.app.syncs.keep_report(run, 0, [{"name": "x"}])

    def _batch(self, schedule: str, name: str, now: datetime) -> None:
        self.batches.container.create()
        digest = self.batches.write_items(Place(1, name), 1, 0, [{"id": "a"}])
        head = Head(
            id=name,
            schedule_id=schedule,
            project_id=1,
            operation="enable",
            dry_run=False,
            total=1,
            epoch=1,
            digests=[digest],
            created_at=now,
        )
        self.batches.save(1, name, Progress(epoch=1), head)
        self.batches.save(1, f"{name}-x", Progress(epoch=1))  # its items were never written down

    def _delivery(self, schedule: str, now: datetime) -> None:
        from shared.webhooks.body import Wanted

        wanted = Wanted(
            webhook_id="w",
            project_id=1,
            type="a.b",
            data={},
            schedule_id=schedule,
            job_id=job_id(schedule, now),
            due_at=now,
        )
        stored, _ = self.deliveries.put(new_delivery(wanted, now=now))
        ended = replace(stored, status=DeliveryStatus.FAILED, next_at=None, ended_at=now)
        assert self.deliveries.write(stored, ended) is not None

    def clean(self, app: Any = None, **job: Any) -> dict[str, Any]:
        services = (app or self.app).executor._services
        given = job_of(clock=self.engine.clock, **job)
        found = customer_cleanup.call(given, customer_cleanup.params(), services)
        assert isinstance(found, Mapping)
        return dict(found)

    def rows(self) -> set[str]:
        """The keys of all that is left, with their tables; none of the schedules themselves."""
        table = self.app.connection.table
        found = {
            f"{name}/{row['RowKey']}"
            for name in (self.names.probes, self.names.syncs, self.names.webhooks)
            for row in table(name).query("")
        }
        for each in ("analyses", "batches", "exports"):
            span = f"PartitionKey ge '{each}' and PartitionKey lt '{each};'"
            found |= {f"{each}:{row['RowKey']}" for row in table(self.names.table).query(span)}
        for container in ("exports", "analysis", "batches", "sync_reports"):
            blobs = self.app.connection.blobs(getattr(self.names, container))
            found |= {f"{container}:{one.name}" for one in blobs.items()}
        return found


def test_what_is_old_or_of_nothing_goes_and_the_rest_stays(azurite: Azurite) -> None:
    left = Left(engine := make(azurite), "s")
    left.kept = engine.add().id
    left.leave()
    before = left.rows()
    young = left.clean()
    assert left.rows() == before and not any(young["removed"].values())
    engine.clock.advance(timedelta(days=100))
    assert left.clean(dry_run=True)["removed"] == {} and left.rows() == before

    doomed = 0
    for number in range(60):  # each run is killed at one of its writes, and the next goes on
        other = make(
            azurite,
            engine.app.settings.prefix,
            Dying(8 + number % 4, answered=number % 2 == 0),
            clock=engine.clock,
            prepared=True,
        )
        try:
            left.clean(other.app)
            break
        except Killed:
            doomed += 1
    assert doomed > 3
    rest = left.rows()
    own = f"{left.kept}-"
    assert rest and all(left.kept in one for one in rest), rest
    assert not any(".0123456789abcdef" in one or own + "x" in one for one in rest)
    kinds = {one.partition(":")[0].rpartition("/")[2] for one in rest}
    assert kinds == {"check", "raw", "day", "state", "in", "sync_reports"}
    assert not any(left.clean()["removed"].values())


def test_a_part_that_fails_keeps_the_others_from_nothing(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = Left(engine := make(azurite), "s")
    left.leave()
    engine.clock.advance(timedelta(days=100))
    away = Unavailable("blob storage", "it did not answer")

    def fails(*_: Any) -> int:
        raise away

    monkeypatch.setattr(engine.app.exports(), "forget", fails)
    with pytest.raises(Unavailable):
        left.clean()
    assert {one.partition(":")[0] for one in left.rows()} == {"exports"}
