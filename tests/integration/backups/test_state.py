"""Belfry's own state: dumped while it works, proved, and restored into empty tables."""

from __future__ import annotations

import itertools
import json
import math
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.data.tables import EdmType, EntityProperty

from local import azurite as local_azurite
from local.azurite import Azurite
from shared.backups import state_write
from shared.backups.source import Contents, Restored, Target
from shared.backups.state import StateSource
from shared.backups.state_read import Reader
from shared.backups.state_rows import Row, created, opened
from shared.errors import Cancelled, Conflict, Damaged, Invalid, Unavailable
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job, Status
from shared.schedules.ledger import Span
from shared.schedules.model import CatchUp, Overlap, Schedule
from shared.settings import Secret, StorageAccount
from shared.storage import failures, heeding
from shared.storage.connect import Connection
from shared.storage.names import Names
from shared.storage.queue import Message
from shared.storage.wire import Insert, Operation, Replace, Wire
from shared.tasks import JobContext, Params, Result, Task, task
from tests.context import job_of
from tests.faults import FaultProxy, Reset
from tests.faults.request import Request
from tests.integration.engine.conftest import START, Bench, make, tap

_numbers = itertools.count()


def prefix() -> str:
    return f"st{next(_numbers)}"


@pytest.fixture
def bench(azurite: Azurite) -> Iterator[Bench]:
    made = make(azurite, prefix())
    tap(made)
    yield made
    made.calls.hold.set()


def source(bench: Bench, tmp_path: Path) -> StateSource:
    settings = bench.app.settings
    return StateSource(
        bench.app.connection, settings.prefix, settings.schedule_shards, temp=tmp_path
    )


def dumped(bench: Bench, tmp_path: Path, job: JobContext | None = None) -> tuple[bytes, Contents]:
    with source(bench, tmp_path).dump(job or job_of(clock=bench.clock)) as dump:
        return b"".join(dump.chunks), dump.contents


def restored(
    bench: Bench,
    tmp_path: Path,
    content: bytes,
    target: Target | None = None,
    job: JobContext | None = None,
) -> Restored:
    chunks = iter([content[:1000], content[1000:]])
    work = job or job_of(clock=bench.clock)
    return source(bench, tmp_path).restore(chunks, target or Target(), work)


def table(bench: Bench, name: str | None = None) -> Any:
    return bench.app.connection.table(name or Names(bench.app.settings.prefix).table)


def rows(bench: Bench, name: str | None = None) -> dict[tuple[str, str], Any]:
    """What is kept of a table, by its keys."""
    found = {
        (row["PartitionKey"], row["RowKey"]): row for row in table(bench, name).list_entities()
    }
    passing = ("due:", "log:", "slots:", "hold:", "clock")
    return {key: row for key, row in found.items() if not key[1].startswith(passing)}


def due(bench: Bench) -> set[str]:
    return {row["RowKey"] for row in table(bench).list_entities() if "due:" in row["RowKey"]}


def fresh(bench: Bench, azurite: Azurite, *, tasks: tuple[Task, ...] = ()) -> Bench:
    """A Belfry on tables of its own that do not exist, at the same time as the other."""
    environ = {"SCHEDULE_SHARDS": str(bench.app.settings.schedule_shards)}
    made = make(azurite, prefix(), clock=bench.clock, tasks=tasks, environ=environ)
    tap(made)
    table(made).delete_table()
    return made


def catch_up(bench: Bench) -> list[Job]:
    """Sweep and tick, and work: what has to wait asks again, and that is not for now."""
    bench.calls.hold.set()
    bench.app.dispatcher.sweep(bench.clock.now())
    bench.tick()
    return [job for _ in range(3) for job in bench.work()]


def reconciled(bench: Bench) -> None:
    span = Span(START - timedelta(days=1), bench.clock.now())
    made = bench.app.ledger.reconcile(lambda: None, span)
    assert (made.named, made.good) == ([], True)


def every(seconds: int) -> Recurrence:
    return Recurrence(frequency=Frequency.INTERVAL, interval_seconds=seconds, start_time=START)


def busy(bench: Bench) -> dict[str, Schedule]:
    """Schedules of several kinds, some of them after a life."""
    made = {
        "minutely": bench.add(),
        "fails": bench.add("fails", pause_after_failures=1, max_attempts=1),
        "waits": bench.add("waits", recurrence=every(300)),
        "cron": bench.add(
            recurrence=Recurrence(
                frequency=Frequency.CRON,
                cron_expression="*/2 * * * *",
                timezone="America/New_York",
            ),
            catch_up=CatchUp.ALL,
            overlap=Overlap.BUFFER_ALL,
            description="ü 💾 '\"",
            tags=("a", "b"),
        ),
        "twice": bench.add(max_runs=2),
        "off": bench.add(),
        "gone": bench.add(),
        "daily": bench.add(recurrence=Recurrence(frequency=Frequency.DAILY)),
    }
    bench.work()
    for _ in range(4):
        bench.later(60)
        bench.tick()
        bench.work()
    bench.app.manager.enable(made["off"].id, False)
    bench.app.manager.delete(made["gone"].id)
    bench.app.manager.run_now(made["daily"].id, force=True)
    bench.work()
    return made


@task("nightly", cron="0 3 * * *", timeout_seconds=60)
def nightly(job: JobContext, params: Params) -> Result:
    """A task with a time of its own."""
    return {}


def test_the_worst_night(bench: Bench, azurite: Azurite, tmp_path: Path) -> None:
    """All is lost, but for a dump: on an empty account it goes on where it was."""
    app = make(azurite, bench.app.settings.prefix, clock=bench.clock, tasks=[nightly])
    made = busy(bench)
    bench.later(60)  # 12:05: `waits` comes due
    bench.tick()
    running = f"{made['waits'].id}-20260301T120500Z"
    working = bench.start(Message((running,), bench.clock.now()))
    assert bench.calls.entered.wait(20)
    done = {job.id for job in bench.app.manager.jobs() if job.finished_at is not None}
    content, contents = dumped(bench, tmp_path)
    assert contents.tables["schedule"] == 9 and contents.tables["meta"] >= 1
    assert contents.tables["job"] == len(done) and contents.schema == {"shards": "2"}
    shown = {one.id: one for one in app.app.manager.schedules()}
    before = {key: row for key, row in rows(bench).items()}

    with local_azurite.start(tmp_path / "elsewhere") as elsewhere:
        bench.later(240)
        later = fresh(bench, elsewhere, tasks=(nightly,))
        back = restored(later, tmp_path, content)
        assert back.contents == contents and back.name == later.app.settings.prefix
        assert rows(later) == before
        later.app.prepare()
        assert {one.id: one.definition for one in later.app.manager.schedules()} == {
            one.id: one.definition for one in shown.values()
        }
        ended = catch_up(later)
        taken_over = [job for job in ended if job.schedule_id == made["waits"].id]
        assert [(job.id, job.attempt) for job in taken_over] == [(running, 2)]
        assert not done & set(later.calls.started)
        reconciled(later)
        later.later(60)
        catch_up(later)
        started = {name.split("-")[0] for name in later.calls.started}
        assert {made["minutely"].id, made["cron"].id} <= started
        assert not {made[name].id for name in ("off", "gone", "fails", "twice")} & started
        reconciled(later)
        assert later.app.manager.get(made["minutely"].id).progress.success_count >= 5
    bench.calls.hold.set()
    working.ended()


def test_the_proof(bench: Bench, tmp_path: Path) -> None:
    busy(bench)
    content, contents = dumped(bench, tmp_path)
    assert source(bench, tmp_path).prove(iter([content]), job_of(clock=bench.clock)) == contents
    assert scratch_tables(bench) == [] and not list(tmp_path.glob("belfry-*"))


def scratch_tables(bench: Bench) -> list[str]:
    tables = bench.app.connection.tables().list_tables()
    start = f"{bench.app.settings.prefix}scratch"
    return [one.name for one in tables if one.name.startswith(start)]


class _Stopped(threading.Event):
    """Set by the first request that matches."""

    def __init__(self, **match: str) -> None:
        super().__init__()
        self._match = match

    def __call__(self, request: Request) -> bool:
        if all(getattr(request, name) == value for name, value in self._match.items()):
            self.set()
        return self.is_set()


@pytest.mark.parametrize(
    ("match", "then"),
    [
        ({"operation": "Tables", "method": "POST"}, ["DELETE"]),
        ({"operation": "$batch"}, ["DELETE"]),
        ({"operation": "query"}, ["DELETE"]),
    ],
    ids=["create", "write", "compare"],
)
def test_a_proof_that_is_told_to_stop_waits_for_no_table_that_swallows_everything(
    bench: Bench,
    azurite: Azurite,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    match: dict[str, str],
    then: list[str],
) -> None:
    """To remove what it made is tried once; the proof of another day does it then."""
    for options in (failures.TIMEOUTS, heeding.HASTE):
        monkeypatch.setitem(options, "read_timeout", 0.5)
    bench.add()
    content, _ = dumped(bench, tmp_path)
    stop = _Stopped(**match)
    settings = bench.app.settings
    with FaultProxy(azurite.connection_string) as proxy:
        account = StorageAccount(connection_string=Secret(proxy.connection_string))
        one = StateSource(Connection(account), settings.prefix, 2, temp=tmp_path)
        hole = proxy.hold(times=None, service="table", where=stop)
        with pytest.raises(Cancelled):
            one.prove(iter([content]), job_of(clock=bench.clock, stop=stop))
        assert [request.method for request in hole.requests[1:]] == then
        hole.release(then=Reset())
    assert len(scratch_tables(bench)) == (match["operation"] != "Tables")


@pytest.mark.parametrize("operation", ["Tables", "query"])
def test_a_dump_that_is_told_to_stop_waits_for_no_table_that_swallows_everything(
    bench: Bench,
    azurite: Azurite,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
) -> None:
    monkeypatch.setitem(failures.TIMEOUTS, "read_timeout", 0.5)
    bench.add()
    stop = _Stopped(operation=operation)
    with FaultProxy(azurite.connection_string) as proxy:
        account = StorageAccount(connection_string=Secret(proxy.connection_string))
        one = StateSource(Connection(account), bench.app.settings.prefix, 2, temp=tmp_path)
        hole = proxy.hold(times=None, service="table", where=stop)
        with pytest.raises(Cancelled), one.dump(job_of(clock=bench.clock, stop=stop)):
            raise AssertionError("it was dumped")
        assert len(hole.requests) == 1
        hole.release(then=Reset())


def test_what_is_damaged_is_not_proved(bench: Bench, tmp_path: Path) -> None:
    bench.add()
    content, _ = dumped(bench, tmp_path)
    other = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE x (y)")
    lacks = tmp_path / "lacks.sqlite"
    lacks.write_bytes(content)
    with closing(sqlite3.connect(lacks)) as connection:
        connection.execute("DELETE FROM entities WHERE row = 'shards'")
        connection.commit()
    cut = content[: len(content) // 2]
    for wrong in (b"nonsense" * 900, cut, other.read_bytes(), lacks.read_bytes()):
        with pytest.raises(Damaged):
            source(bench, tmp_path).prove(iter([wrong]), job_of())
    assert scratch_tables(bench) == []


def test_old_scratch_tables_are_dropped(bench: Bench, tmp_path: Path) -> None:
    content, _ = dumped(bench, tmp_path)
    own, now = bench.app.settings.prefix, bench.clock.now()
    old, new = (now - timedelta(hours=hours) for hours in (25, 23))
    names = [f"{own}scratch{at:%Y%m%dt%H%M%S}0123abcdschedules" for at in (old, new)]
    names.append(f"{own}scratchpad")
    for name in names:
        bench.app.connection.tables().create_table(name)
    source(bench, tmp_path).prove(iter([content]), job_of(clock=bench.clock))
    assert sorted(scratch_tables(bench)) == sorted(names[1:])


def test_every_type_of_a_table_and_garbled_rows_survive(
    bench: Bench, azurite: Azurite, tmp_path: Path
) -> None:
    made = bench.add()
    shard = bench.app.table.shard(made.id)
    odd: dict[str, Any] = {
        "PartitionKey": shard,
        "RowKey": f"job:{made.id}:é'😀",
        "small": 5,
        "int64": EntityProperty(5, EdmType.INT64),
        "big": EntityProperty(2**62, EdmType.INT64),
        "binary": b"\0\xff",
        "guid": uuid.uuid4(),
        "when": datetime(1999, 12, 31, 23, 59, 59, 123456, tzinfo=UTC),
        "exactly": EntityProperty("2026-01-02T03:04:05.1234567Z", EdmType.DATETIME),
        "double": 0.1,
        "whole": 3.0,
        "infinite": float("-inf"),
        "endless": float("inf"),
        "tiny": 5e-324,
        "low": EntityProperty(-(2**63), EdmType.INT64),
        "yes": True,
        "text": "a\n'\"💾",
        "empty": "",
    }
    table(bench).create_entity(odd)
    for partition, key in ((shard, "strange"), ("zzz", "x"), ("a", "job:y"), (shard, "version:")):
        table(bench).create_entity({"PartitionKey": partition, "RowKey": key, "n": 1})
    garbled = {"PartitionKey": shard, "RowKey": f"schedule:{made.id}", "live": "{", "policy": 7}
    table(bench).update_entity(garbled)
    messages = Names(bench.app.settings.prefix).messages
    bench.app.connection.tables().create_table_if_not_exists(messages)
    letters = table(bench, messages)
    letters.upsert_entity({"PartitionKey": "p", "RowKey": "r", "n": 1})
    content, contents = dumped(bench, tmp_path)
    assert contents.tables["messages"] == 1 and contents.tables["other"] == 2
    other = fresh(bench, azurite)
    restored(other, tmp_path, content)
    found = rows(other)
    assert found == rows(bench)
    back = found[(shard, odd["RowKey"])]
    assert back["exactly"].tables_service_value == "2026-01-02T03:04:05.1234567Z"
    assert {name: type(value) for name, value in back.items()} == {
        name: type(value) for name, value in rows(bench)[(shard, odd["RowKey"])].items()
    }
    there = Names(other.app.settings.prefix).messages
    assert [dict(one) for one in table(other, there).list_entities()] == [
        {"PartitionKey": "p", "RowKey": "r", "n": 1}
    ]


def test_a_number_that_is_none_survives_too(bench: Bench, azurite: Azurite, tmp_path: Path) -> None:
    """It is not equal to itself, so the proof compares what was written."""
    key = {"PartitionKey": bench.app.table.shard("x"), "RowKey": "odd"}
    table(bench).create_entity({**key, "none": float("nan")})
    content, contents = dumped(bench, tmp_path)
    assert source(bench, tmp_path).prove(iter([content]), job_of(clock=bench.clock)) == contents
    other = fresh(bench, azurite)
    restored(other, tmp_path, content)
    assert math.isnan(table(other).get_entity(*key.values())["none"])


def test_rows_whose_keys_alone_fill_a_transaction(bench: Bench, tmp_path: Path) -> None:
    """A key of 1 KiB takes six times as much in a transaction's text, twice."""
    prefix, wide = "日" * 480, "x" * 29_000
    path = tmp_path / "state.sqlite"
    with created(path) as file:
        for number in range(100):
            body = json.dumps({"text": wide})
            file.put(Row("schedules", prefix, f"{prefix}{number:03}", "other", body))
        wire = bench.app.connection.wire(Names(bench.app.settings.prefix).table)
        state_write.write(wire, file.rows("schedules"), job_of())
    found = table(bench).query_entities(f"PartitionKey eq '{prefix}'")
    assert [one["RowKey"][-3:] for one in found] == [f"{n:03}" for n in range(100)]


def test_a_table_that_is_gone_is_no_row_that_somebody_else_wrote(
    bench: Bench, tmp_path: Path
) -> None:
    bench.add()
    content, _ = dumped(bench, tmp_path)
    path = tmp_path / "state.sqlite"
    path.write_bytes(content)
    with opened(path) as file:
        wire = bench.app.connection.wire("nowhere")
        for row in file.rows("schedules", "schedule"):
            with pytest.raises(HttpResponseError) as raised:
                state_write.transact(wire, row.partition, [Insert(row.key, row.properties)])
            assert getattr(raised.value, "error_code", "") == "TableNotFound"
            with pytest.raises(HttpResponseError):
                state_write.write(wire, [row], job_of())


def test_what_passes_is_left_out(bench: Bench, tmp_path: Path) -> None:
    busy(bench)
    bench.app.meta.put("slots:x", "{}")
    bench.app.meta.put("reconciled", START.isoformat())
    content, contents = dumped(bench, tmp_path)
    file = tmp_path / "state.sqlite"
    file.write_bytes(content)
    with closing(sqlite3.connect(file)) as connection:
        kept = connection.execute("SELECT row, kind, body FROM entities ORDER BY row").fetchall()
    assert [row for row, kind, _ in kept if kind == "meta"] == ["reconciled", "shards"]
    assert not [row for row, _, _ in kept if row.startswith(("due:", "log:", "clock"))]
    assert json.loads(dict((row, body) for row, _, body in kept)["shards"])["value"] == "2"
    assert contents.tables["meta"] == 2


class Meddling(threading.Event):
    """Never set, but does something at each look."""

    def __init__(self, action: Callable[[], object]) -> None:
        super().__init__()
        self._action = action

    def is_set(self) -> bool:
        self._action()
        return False


def test_what_changes_while_it_is_read_is_read_again(
    bench: Bench, azurite: Azurite, tmp_path: Path
) -> None:
    """Between any two requests of the dump a minute passes, and runs are handed out and done."""
    for _ in range(3):
        bench.add()
    looks = itertools.count()

    def minute() -> None:
        number = next(looks)
        if number > 25:
            return
        if number % 7 == 3:
            bench.add()
        if number % 7 == 5:
            one = bench.app.manager.schedules()[0]
            bench.app.manager.enable(one.id, not one.definition.enabled)
        bench.later(60)
        bench.tick()
        bench.work()

    content, _ = dumped(bench, tmp_path, job_of(clock=bench.clock, stop=Meddling(minute)))
    known = set(bench.calls.started)
    other = fresh(bench, azurite)
    restored(other, tmp_path, content)
    done = {job.id for job in other.app.manager.jobs() if job.finished_at is not None}
    assert done and done <= known
    reconciled(other)
    catch_up(other)
    assert not done & set(other.calls.started)
    reconciled(other)


def test_a_long_run_that_ends_while_it_is_read(
    bench: Bench, azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was due long before, and its schedule's row has forgotten it by the second look."""
    made = bench.add("waits", overlap=Overlap.ALLOW_ALL)
    bench.later(60)
    working = bench.start(Message((f"{made.id}-20260301T120100Z",), bench.clock.now()))
    assert bench.calls.entered.wait(20)
    bench.later(45)
    numbers = itertools.count()

    def touched() -> None:
        said = str(next(numbers))
        bench.app.manager.change(
            made.id,
            lambda one: replace(one, definition=replace(one.definition, description=said)),
        )

    again = Reader._again
    ended: list[str] = []

    def ends(self: Reader, *args: Any) -> None:
        if not ended:
            bench.calls.hold.set()
            ended.extend(job.id for job in working.ended())
            bench.later(75)
            bench.tick()
            bench.work()
            live = bench.app.table.get(made.id)
            assert live is not None and live.progress.find(ended[0]) is None
        again(self, *args)

    monkeypatch.setattr(Reader, "_again", ends)
    content, _ = dumped(bench, tmp_path, job_of(clock=bench.clock, stop=Meddling(touched)))
    assert ended == [f"{made.id}-20260301T120100Z"]
    other = fresh(bench, azurite)
    restored(other, tmp_path, content)
    assert ended[0] in {job.id for job in other.app.table.jobs(made.id)}
    reconciled(other)


def test_under_load(bench: Bench, azurite: Azurite, tmp_path: Path) -> None:
    """Clocks tick and workers work in threads of their own while it is dumped."""
    for number in range(30):
        bench.add(recurrence=every(60 + number % 3), overlap=Overlap.ALLOW_ALL)
    over = threading.Event()
    failures: list[BaseException] = []
    ticks = threading.Semaphore(0)

    def engine() -> None:
        try:
            while not over.is_set():
                bench.later(20)
                bench.tick()
                for message in bench.messages():
                    bench.app.worker.work(message)
                ticks.release()
        except BaseException as error:
            failures.append(error)
            ticks.release()

    thread = threading.Thread(target=engine)
    thread.start()
    dumps: list[bytes] = []
    try:
        for _ in range(10):
            ticks.acquire()
        for _ in range(3):
            ticks.acquire()
            dumps.append(dumped(bench, tmp_path)[0])
    finally:
        over.set()
        thread.join()
    assert failures == []
    for content in dumps:
        other = fresh(bench, azurite)
        restored(other, tmp_path, content)
        done = {job.id for job in other.app.manager.jobs() if job.finished_at is not None}
        reconciled(other)
        catch_up(other)
        assert done and not done & set(other.calls.started)
        reconciled(other)


def test_a_restore_that_was_killed_at_any_step_is_made_again(
    bench: Bench, azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy(bench)
    content, _ = dumped(bench, tmp_path)
    before = rows(bench)
    other = fresh(bench, azurite)
    transact = state_write.transact
    for left in itertools.count():
        steps = iter(range(left))

        def killed(*args: Any, steps: Iterator[int] = steps) -> bool:
            if next(steps, None) is None:
                raise Unavailable("table storage", "killed")
            return transact(*args)

        with monkeypatch.context() as patched:
            patched.setattr(state_write, "transact", killed)
            try:
                restored(other, tmp_path, content)
                break
            except Unavailable:
                assert ("meta", "restoring") in rows(other)
    assert left > 4
    assert rows(other) == before and due(other) == due(bench)


def test_a_restore_that_was_killed_while_the_engine_ran_on(
    bench: Bench, azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = busy(bench)
    content, _ = dumped(bench, tmp_path)
    done = {job.id for job in bench.app.manager.jobs() if job.finished_at is not None}
    other = fresh(bench, azurite)
    with monkeypatch.context() as patched:
        patched.setattr(state_write.Writer, "_new", _once(state_write.Writer._new))
        with pytest.raises(Unavailable):
            restored(other, tmp_path, content)
    bench.later(60)
    other.app.create()
    catch_up(other)
    restored(other, tmp_path, content)
    bench.later(60)
    catch_up(other)
    assert other.calls.started and not done & set(other.calls.started)
    assert len(other.calls.started) == len(set(other.calls.started))
    assert {one.id for one in other.app.table.schedules()} >= {one.id for one in made.values()}
    reconciled(other)


def _once(real: Callable[..., None]) -> Callable[..., None]:
    calls = itertools.count()

    def first(*args: Any) -> None:
        if next(calls):
            raise Unavailable("table storage", "killed")
        real(*args)

    return first


@pytest.mark.parametrize("name", ["", "A", "1a", "a-b", "a" * 21, "a'"])
def test_a_target_that_is_no_prefix(bench: Bench, tmp_path: Path, name: str) -> None:
    content, _ = dumped(bench, tmp_path)
    if name:
        with pytest.raises(Invalid, match="target: give a prefix"):
            restored(bench, tmp_path, content, Target(name=name))


def test_never_among_what_is_there_without_its_name(bench: Bench, tmp_path: Path) -> None:
    bench.add()
    content, _ = dumped(bench, tmp_path)
    before = rows(bench)
    for name in (None, "", "other"):
        with pytest.raises(Conflict, match=r"are not empty.*once more as `replace`"):
            restored(bench, tmp_path, content, Target(replace=name))
    assert rows(bench) == before


def test_another_number_of_shards_is_refused(
    bench: Bench, azurite: Azurite, tmp_path: Path
) -> None:
    bench.add()
    content, _ = dumped(bench, tmp_path)
    other = make(azurite, prefix(), environ={"SCHEDULE_SHARDS": "3"})
    with pytest.raises(Conflict, match="set SCHEDULE_SHARDS to 2"):
        restored(other, tmp_path, content, Target(replace=other.app.settings.prefix))
    table(other).delete_table()
    with pytest.raises(Conflict, match="set SCHEDULE_SHARDS to 2"):
        restored(other, tmp_path, content)
    elsewhere = prefix()
    assert restored(other, tmp_path, content, Target(name=elsewhere)).name == elsewhere
    assert rows(other, Names(elsewhere).table) == rows(bench)


def test_into_an_app_that_has_just_started_on_an_empty_account(
    bench: Bench, azurite: Azurite, tmp_path: Path
) -> None:
    """The job that restores runs there, under a schedule of its own, which survives."""
    first = make(azurite, bench.app.settings.prefix, clock=bench.clock, tasks=[nightly])
    first.app.manager.change("nightly", lambda one: one)
    busy(bench)
    content, _ = dumped(bench, tmp_path)
    before = rows(bench)
    bench.later(30)
    other = make(azurite, prefix(), clock=bench.clock, tasks=[nightly])
    tap(other)
    own = other.add("waits", recurrence=Recurrence(frequency=Frequency.MONTHLY))
    asked = other.app.manager.run_now(own.id, force=True)
    working = other.start()
    assert other.calls.entered.wait(20)
    job = job_of(clock=bench.clock)
    object.__setattr__(job, "schedule_id", own.id)
    restored(other, tmp_path, content, job=job)
    other.calls.hold.set()
    assert [one.id for one in working.ended()] == [asked.job_id]
    after = rows(other)
    assert {key: after[key] for key in before if key[0] != "meta"} == {
        key: row for key, row in before.items() if key[0] != "meta"
    }
    mine = [key for key in after if key not in before and own.id not in key[1]]
    assert mine == []
    assert due(other) >= due(bench)
    reconciled(other)


def test_among_schedules_that_went_on_since(bench: Bench, tmp_path: Path) -> None:
    """Definitions come back, what was done since stays done, and what is new stays."""
    bench.calls.hold.set()
    made = busy(bench)
    content, _ = dumped(bench, tmp_path)
    changed = bench.app.manager.change(
        made["minutely"].id, lambda one: _renamed(one, "changed", every(30))
    )
    bench.app.manager.delete(made["cron"].id)
    new = bench.add()
    for _ in range(3):
        bench.later(60)
        bench.tick()
        bench.work()
    started = list(bench.calls.started)
    restored(bench, tmp_path, content, Target(replace=bench.app.settings.prefix))
    back = bench.app.manager.get(changed.id)
    assert (back.definition.name, back.definition.recurrence) == ("test", every(60))
    assert back.revision > changed.revision
    assert bench.app.manager.get(made["cron"].id).is_active
    assert bench.app.manager.get(new.id).is_active
    bench.later(60)
    bench.tick()
    bench.work()
    again = bench.calls.started[len(started) :]
    assert {made["minutely"].id, made["cron"].id, new.id} <= {one.split("-")[0] for one in again}
    assert not set(again) & set(started)
    reconciled(bench)


def _renamed(one: Schedule, name: str, recurrence: Recurrence) -> Schedule:
    return replace(one, definition=replace(one.definition, name=name, recurrence=recurrence))


@task("hourly", cron="*/5 * * * *", timeout_seconds=60)
def hourly(job: JobContext, params: Params) -> Result:
    """A task with a time of its own, soon."""
    return {}


def test_among_system_schedules_that_ran_on_the_empty_account(
    bench: Bench, azurite: Azurite, tmp_path: Path
) -> None:
    """Both pasts are kept, and what nothing ran in between is accounted for."""
    first = make(azurite, bench.app.settings.prefix, clock=bench.clock, tasks=[hourly])
    tap(first)
    for _ in range(10):
        bench.later(60)
        first.tick()
        first.work()
    ran = first.app.manager.get("hourly").progress.success_count
    assert ran == 2
    content, _ = dumped(bench, tmp_path)
    bench.later(3600)
    other = make(azurite, prefix(), clock=bench.clock, tasks=[hourly])
    tap(other)
    for _ in range(10):
        bench.later(60)
        other.tick()
        other.work()
    with pytest.raises(Conflict, match="there is the schedule hourly"):
        restored(other, tmp_path, content)
    restored(other, tmp_path, content, Target(replace=other.app.settings.prefix))
    reconciled(other)
    bench.later(300)
    other.tick()
    other.work()
    reconciled(other)
    counted = other.app.manager.get("hourly").progress
    assert counted.success_count == 2 + ran + 1 and counted.cancelled_count >= 11
    jobs = other.app.manager.jobs("hourly")
    assert [job.status for job in jobs].count(Status.SUCCEEDED) == counted.success_count


def test_a_schedule_that_runs_while_it_is_replaced(
    bench: Bench, azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made anew on an empty account it had done nothing yet; by the time of the write it had."""
    first = make(azurite, bench.app.settings.prefix, clock=bench.clock, tasks=[hourly])
    tap(first)
    for _ in range(10):
        bench.later(60)
        first.tick()
        first.work()
    content, _ = dumped(bench, tmp_path)
    bench.later(3600)
    other = make(azurite, prefix(), clock=bench.clock, tasks=[hourly])
    tap(other)
    transact = state_write.transact
    ran: list[str] = []

    def late(wire: Wire, partition: str, operations: Sequence[Operation]) -> bool:
        replaced = [one.key for one in operations if isinstance(one, Replace)]
        if replaced == ["schedule:hourly"] and not ran:
            bench.later(300)
            other.tick()
            ran.extend(job.id for job in other.work())
        return transact(wire, partition, operations)

    monkeypatch.setattr(state_write, "transact", late)
    restored(other, tmp_path, content, Target(replace=other.app.settings.prefix))
    done = {job.id for job in other.app.manager.jobs("hourly") if job.status is Status.SUCCEEDED}
    assert ran and set(ran) < done
    assert other.app.manager.get("hourly").progress.success_count == len(done) == 2 + len(ran)
    reconciled(other)


def test_no_message_is_needed(bench: Bench, azurite: Azurite, tmp_path: Path) -> None:
    """What was handed out and not begun when it was dumped, is found by the sweep."""
    bench.add()
    bench.later(59)
    bench.tick()
    waiting = {one for message in bench.messages() for one in message.job_ids}
    content, _ = dumped(bench, tmp_path)
    other = fresh(bench, azurite)
    restored(other, tmp_path, content)
    other.app.create()
    bench.later(240)
    other.app.dispatcher.sweep(bench.clock.now())
    assert len(waiting) == 2 and waiting <= {job.id for job in other.work()}
    reconciled(other)
