"""A page of a list of what customers' tasks did costs the same requests, however many rows there
are: an answer of storage has three rows here, so whoever read all of them would need more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.azurite import Azurite
from shared.access import LOCAL
from shared.analysis.model import Analysis, AnalysisKind, Counts
from shared.analysis.rows import analysis_id
from shared.analysis.store import Store as AnalysisStore
from shared.batch.model import BatchState, Head, Saved
from shared.exports.kinds import Data, Format, ReportType
from shared.exports.model import ExportFile, export_id
from shared.exports.shelf import Asked
from shared.probes.model import Measured, Result, Standing, Thresholds
from shared.probes.pages import StatusPage
from shared.schedules.job import job_id
from shared.storage.counted import Requests, counting
from shared.storage.names import Names
from shared.storage.tables.table import Table
from shared.sync.model import Counts as SyncCounts
from shared.sync.model import State, SyncRun, SyncStatus
from shared.webhooks.body import Wanted, hook_key
from shared.webhooks.model import DeliveryStatus
from shared.webhooks.service import new_delivery
from shared.webhooks.store import Store as Deliveries
from tests.integration.engine.conftest import Engine, make

Ids = Sequence[str]
Page = tuple[Ids, int | None]
"""The ids that it shows, and how many there are."""
FEW, MANY, SIZE = 20, 50, 2


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    plain = Table.query

    def query(self: Table, filter: str, *, top: int = 1000, **more: Any) -> Any:
        return plain(self, filter, top=min(top, 3), **more)

    monkeypatch.setattr(Table, "query", query)
    monkeypatch.setattr("shared.sync.store.LISTED", 8)
    yield


class Town:
    """Rows of every kind, each a minute older than the one before, all of project 1."""

    def __init__(self, engine: Engine) -> None:
        self.app = engine.app
        self.now = engine.clock.now().replace(microsecond=0)
        names, connection = Names(self.app.settings.prefix), self.app.connection
        self.deliveries = Deliveries(connection, names.webhooks)
        self.analyses = AnalysisStore(
            connection.table(names.table), connection.blobs(names.analysis)
        )

    def name(self, number: int) -> str:
        return job_id("works", self.now - timedelta(minutes=number))

    def delivery(self, number: int) -> str:
        at = self.now - timedelta(minutes=number)
        wanted = Wanted(
            webhook_id="w",
            project_id=1,
            type="a.b",
            data={},
            schedule_id="works",
            job_id="j",
            due_at=at,
        )
        stored, _ = self.deliveries.put(new_delivery(wanted, now=at))
        if number >= 3:  # three are open
            status = DeliveryStatus.DELIVERED if number % 2 else DeliveryStatus.FAILED
            ended = replace(stored, status=status, next_at=None, ended_at=at)
            assert self.deliveries.write(stored, ended) is not None
        return stored.id

    def analysis(self, number: int) -> str:
        name = self.name(number)
        one = Analysis(
            id=analysis_id(1, name),
            project_id=1,
            repository_id="42",
            branch="main",
            commit="a" * 40,
            kind=AnalysisKind.SECURITY,
            schedule_id="works",
            job_id=name,
            attempt=1,
            at=self.now - timedelta(minutes=number),
            seconds=1.0,
            files=1,
            bytes=1,
            fetched=1,
            counts=Counts(by={}),
            tools=(),
            dependencies="",
        )
        return self.analyses.add(one, self.analyses.last(one)).id

    def export(self, number: int) -> str:
        at = self.now - timedelta(minutes=number)
        one = ExportFile(
            id=export_id(1, self.name(number), 1),
            blob=f"1/{self.name(number)}.1.csv",
            project_id=1,
            schedule_id="works",
            schedule_name="works",
            job_id=self.name(number),
            title="t",
            data=Data.RUNS if number % 2 else Data.COSTS,
            format=Format.CSV,
            report_type=ReportType.FULL,
            due_at=at,
            since=at,
            until=at,
            row_count=1,
            bytes=1,
            sha256="0",
            expires_at=at,
        )
        return self.app.exports().files.listed(one).id

    def sync(self, number: int) -> str:
        at = self.now - timedelta(minutes=number)
        run = SyncRun(
            job_id=self.name(number),
            schedule_id="works",
            series="works",
            project_id=1,
            kind="container",
            source="a",
            destination="b",
            status=SyncStatus.SUCCEEDED,
            due_at=at,
            began_at=at,
            changed_at=at,
            counts=SyncCounts(),
            segments=0,
        )
        self.app.syncs.write(self.app.syncs.state(1, "works"), State(), run)
        return run.job_id

    def batch(self, number: int) -> str:
        head = Head(
            id=self.name(number),
            schedule_id="works",
            project_id=1,
            operation="enable",
            dry_run=False,
            total=0,
            epoch=1,
            digests=[],
            created_at=self.now,
            ended=BatchState.COMPLETED,
        )
        self.app.batches().store.save(1, head.id, Saved(epoch=1), head)
        return head.id

    def page(self, number: int) -> str:
        at = self.now - timedelta(minutes=number)
        made = StatusPage(
            slug=f"page-{number}",
            project_id=1,
            title="t",
            description="",
            checks=(),
            created_at=at,
            updated_at=at,
        )
        assert self.app.status_pages()._pages.add(made)
        return made.slug

    def check(self, number: int) -> str:
        found = Result(job_id=self.name(number), at=self.now, measured=Measured(status=Standing.UP))
        self.app.health_checks().keep(1, f"c{number}", found, Thresholds())
        return f"c{number}"


def ids(found: tuple[Sequence[Any], int]) -> Page:
    return [getattr(one, "id", None) or one.job_id for one in found[0]], found[1]


def test_a_page_costs_what_it_shows(azurite: Azurite) -> None:
    town = Town(make(azurite))
    app, hook = town.app, hook_key(1, "w")

    def deliveries(skip: int, status: DeliveryStatus | None = None) -> Page:
        page = skip // SIZE + 1
        return ids(town.deliveries.page(hook, status, None, None, page, SIZE))

    def exports(skip: int, projects: int | None = None, **asked: Any) -> Page:
        files = app.exports().files
        return ids(files.page(LOCAL, projects, Asked(**asked), skip // SIZE + 1, SIZE))

    def batches(projects: set[int] | None) -> Page:
        return [one.id for one in app.batches().progress.heads(projects, "", SIZE)], None

    def checks(_: int) -> Page:
        return [*app.health_checks().checks(1, ["c0", "c1"])], None

    def every(one: int) -> bool:
        return True

    def latest(one: int) -> bool:
        return one < 8

    def odd(one: int) -> bool:
        return one % 2 == 1

    delivered = DeliveryStatus.DELIVERED
    lists: list[tuple[Callable[[int], str], Callable[[int], Page], Callable[[int], bool]]] = [
        (town.delivery, deliveries, every),
        (town.delivery, lambda at: deliveries(at, delivered), lambda n: odd(n) and n >= 3),
        (town.delivery, lambda at: deliveries(at, DeliveryStatus.QUEUED), lambda n: n < 3),
        (town.analysis, lambda at: ids(town.analyses.page({1}, "42", at, SIZE)), every),
        (town.analysis, lambda at: ids(town.analyses.page(None, None, at, SIZE)), every),
        (town.export, exports, every),
        (town.export, lambda at: exports(at, 1, schedule_id="works", data=Data.RUNS), odd),
        (town.sync, lambda at: ids(app.syncs.page({1}, "works", at, SIZE)), latest),
        (town.sync, lambda at: ids(app.syncs.page(None, None, at, SIZE)), latest),
        (town.batch, lambda _: batches(None), every),
        (town.batch, lambda _: batches({1}), every),
        (town.page, lambda at: ids(app.status_pages().page(LOCAL, at // SIZE + 1, SIZE)), every),
        (town.check, checks, every),
    ]
    made: dict[Callable[[int], str], list[str]] = {}
    costs: list[list[tuple[int, int]]] = []
    for many in (FEW, MANY):
        for make_one in dict.fromkeys(one for one, _, _ in lists):
            there = made.setdefault(make_one, [])
            there += [make_one(number) for number in range(len(there), many)]
        costs.append([])
        for make_one, page, fits in lists:
            wanted = [one for number, one in enumerate(made[make_one]) if fits(number)]
            cost = list[int]()
            for skip in (0, (len(wanted) - 1) // SIZE * SIZE):
                with counting(spent := Requests()):
                    found, total = page(skip)
                if total is None:
                    assert sorted(found) == sorted(wanted[:SIZE])
                else:
                    assert (found, total) == (wanted[skip : skip + SIZE], len(wanted))
                cost.append(spent.tables + spent.blobs)
            costs[-1].append((cost[0], cost[1]))
    assert [first for first, _ in costs[0]] == [first for first, _ in costs[1]]
    assert max(max(one) for one in costs[1]) < MANY / 3, "what it costs to read all rows, or keys"

    with counting(spent := Requests()):
        gone = town.deliveries.forget(town.now + timedelta(days=1), 1_000, lambda: True)
    assert gone == MANY - 3 and deliveries(0)[1] == 3
    assert spent.tables < MANY, "many go in one request, and no more than their keys is read"
