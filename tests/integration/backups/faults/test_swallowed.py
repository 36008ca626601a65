"""Storage that accepts everything and answers nothing, while the job is told to stop."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from azure.core.exceptions import ServiceResponseError
from azure.storage.blob import ContainerClient

from shared.backups.jobs.lock import Alone
from shared.backups.sqlite.source import SqliteSource
from shared.backups.store.entries import Copy
from shared.clock import SystemClock
from shared.errors import Cancelled
from shared.settings import Secret, StorageAccount
from shared.storage import cancellation, connect, failures
from shared.storage.connect import Connection
from shared.storage.tables.facts import Meta
from shared.storage.tables.locks import Locks
from shared.tasks.context import JobContext
from tests.faults import Cut, Fault, FaultProxy, Refuse, Reset, Rule
from tests.faults.request import Request
from tests.faults.rules import Match
from tests.integration.backups.faults.test_away import READS, WRITES
from tests.integration.backups.faults.world import LATER, job, whole
from tests.integration.backups.setup import OFFSITE, PRIMARY, Shelf


class Belfrys(Shelf):
    """Reached by the clients that Belfry makes, which try again; not by the tests' own."""

    def container(self, name: str = PRIMARY, *, directly: bool = True) -> ContainerClient:
        if directly:
            return super().container(name)
        account = StorageAccount(connection_string=Secret(self.reached_by[name]))
        return Connection(account).container(f"{self.word}{name}")


@pytest.fixture
def swallowed(shelf: Shelf, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> Belfrys:
    """Reached by a proxy, with timeouts that a test can wait for."""
    monkeypatch.setitem(failures.TIMEOUTS, "read_timeout", 0.5)
    monkeypatch.setitem(cancellation.HASTE, "read_timeout", 0.2)  # nothing answers by then
    for name in ("initial_backoff", "increment_base", "random_jitter_range"):
        monkeypatch.setitem(connect._BLOBS, name, 0)
    return Belfrys(
        shelf.connection_string,
        names=(PRIMARY, OFFSITE),
        word=shelf.word,
        reached_by=dict.fromkeys((PRIMARY, OFFSITE), proxy.connection_string),
    )


def black_hole(proxy: FaultProxy, stop: threading.Event, fault: Fault | None, **match: Any) -> Any:
    """From the first such request on storage takes all, and answers nothing; then a person stops
    the job. With a fault: it is met instead."""
    skipped = itertools.count()
    skip = match.pop("skip", 0)
    first = Rule((Reset(),), cast("Match", match), 1.0, None, 0, "")

    def swallows(request: Request) -> bool:
        if not stop.is_set() and first.applies(request) and next(skipped) >= skip:
            stop.set()
        return stop.is_set()

    if fault is not None:
        return proxy.rules.add(fault, service="blob", where=swallows)
    return proxy.hold(times=None, service="blob", where=swallows)


@pytest.mark.parametrize("step", [*WRITES, *READS])
def test_who_is_told_to_stop_does_not_wait_for_storage_that_swallows_everything(
    swallowed: Belfrys, small: SqliteSource, proxy: FaultProxy, step: str
) -> None:
    """What is under way ends by its timeout, and to remove what was written is tried once."""
    stop = threading.Event()
    with black_hole(proxy, stop, None, **(WRITES | READS)[step]) as hole:
        with pytest.raises(Cancelled):
            swallowed.take(small, replace(job(), stop=stop), destinations=[PRIMARY])
        assert [request.method for request in hole.requests[1:]] == ["DELETE"]
        hole.release(then=Reset())
    assert [one[PRIMARY] for one in swallowed.states()] == ["unproved"] * (
        step not in ("block", "commit")
    )
    swallowed.take(small, job(attempt=2, by=LATER), destinations=[PRIMARY])
    assert swallowed.states() == [{PRIMARY: "verified"}]
    whole(swallowed)


def test_of_blocks_under_way_none_is_sent_again_to_storage_that_swallows_everything(
    swallowed: Belfrys, database: SqliteSource, proxy: FaultProxy
) -> None:
    stop = threading.Event()
    with black_hole(proxy, stop, None, operation="block") as hole:
        with pytest.raises(Cancelled):
            swallowed.take(database, replace(job(), stop=stop), destinations=[PRIMARY])
        sent = [request.operation for request in hole.requests]
        assert sent.count("block") <= 2
        assert len(sent) == sent.count("block") + 1
        hole.release(then=Reset())


def test_a_download_that_breaks_off_is_not_begun_again_by_who_is_told_to_stop(
    swallowed: Belfrys, small: SqliteSource, proxy: FaultProxy
) -> None:
    """Azure's client by itself reads a body three times."""
    stop = threading.Event()
    cut = black_hole(proxy, stop, Cut(), operation="blob", method="GET")
    with pytest.raises(Cancelled):
        swallowed.take(small, replace(job(), stop=stop), destinations=[PRIMARY])
    assert cut.fired == 2  # and the removal


CALLS: dict[str, Callable[[Belfrys, Copy, JobContext], object]] = {
    "look": lambda shelf, _, job: shelf.catalog.look(check=job.check),
    "create": lambda shelf, _, job: shelf.catalog[OFFSITE].create(job.check),
    "manifest": lambda shelf, copy, job: shelf.catalog[PRIMARY].manifest(copy, job.check),
    "lying at": lambda shelf, copy, job: shelf.catalog[PRIMARY].lying_at(copy.blob, job.check),
    "remove": lambda shelf, copy, job: shelf.catalog[PRIMARY].remove(
        copy.blob, copy.names, job.check
    ),
    "copy": lambda shelf, copy, job: shelf.catalog[OFFSITE].copy_from(
        shelf.catalog[PRIMARY], copy, job.check, tier=None
    ),
    "read back": lambda shelf, copy, job: shelf.catalog[PRIMARY].read_back(copy, job.check),
}


@pytest.mark.parametrize("call", CALLS)
def test_each_call_ends_when_the_job_is_told_to_stop(
    swallowed: Belfrys, small: SqliteSource, proxy: FaultProxy, call: str
) -> None:
    swallowed.take(small, destinations=[PRIMARY])
    (copy,) = swallowed.backups()[0].copies
    stop = threading.Event()
    with black_hole(proxy, stop, None) as hole:
        with pytest.raises(Cancelled):
            CALLS[call](swallowed, copy, replace(job(), stop=stop))
        asked = [request.path for request in hole.requests]
        assert len(asked) == len(set(asked)) <= (2 if call == "look" else 1)
        hole.release(then=Reset())
    assert swallowed.states() == [{PRIMARY: "verified"}]


def test_of_a_call_no_attempt_begins_later_than_the_policy_says(
    swallowed: Belfrys, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether or not there is a job that may be told to stop."""
    blob = swallowed.container(directly=False).get_blob_client("x")
    for whole_time, attempts in ((failures.WHOLE, 4), (0.0, 1)):
        monkeypatch.setattr(failures, "WHOLE", whole_time)
        rule = proxy.rules.add(Reset(), method="HEAD")
        with pytest.raises(ServiceResponseError):
            blob.get_blob_properties()
        assert rule.fired == attempts
        proxy.rules.clear()


def test_who_is_told_to_stop_in_the_pause_between_two_attempts_makes_no_other(
    swallowed: Belfrys, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    monkeypatch.setitem(connect._BLOBS, "initial_backoff", 0.01)
    monkeypatch.setattr(
        "azure.core.pipeline.transport.RequestsTransport.sleep", lambda *_: stop.set()
    )
    rule = proxy.rules.add(Refuse(500), service="blob")
    with pytest.raises(Cancelled):
        swallowed.catalog[PRIMARY].create(replace(job(), stop=stop).check)
    assert rule.fired == 1


def test_a_hold_is_let_go_of_without_waiting_for_storage_that_swallows_everything(
    swallowed: Belfrys, small: SqliteSource, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.backups.jobs.lock._LETTING_GO", 0.1)
    alone = holds(swallowed, proxy)
    with alone.of(small, job()):
        hole = proxy.hold(times=None, service="table")
    (releasing,) = left_to_itself("release")
    assert hole.arrived.wait(60)
    hole.release()
    releasing.join(60)
    with alone.of(small, replace(job("another:1"), clock=Impatient())):
        pass  # it was let go of in the end


def holds(shelf: Belfrys, proxy: FaultProxy) -> Alone:
    """By way of the proxy, and with the usual timeouts: nothing ends while a test looks."""
    assert shelf.meta  # there is a table
    failures.TIMEOUTS["read_timeout"] = 20  # the fixture puts it back
    account = StorageAccount(connection_string=Secret(proxy.connection_string))
    return Alone(Locks(Meta(Connection(account).table(shelf.word))))


def stopping(stop: threading.Event) -> Callable[[Request], bool]:
    """Any request, by which the job is told to stop."""

    def stops(_: Request) -> bool:
        stop.set()
        return True

    return stops


def left_to_itself(what: str) -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name.startswith(f"{what} backup:")]


def test_who_is_told_to_stop_does_not_wait_for_a_hold(
    swallowed: Belfrys, small: SqliteSource, proxy: FaultProxy
) -> None:
    alone, stop = holds(swallowed, proxy), threading.Event()
    with proxy.hold(times=None, service="table", where=stopping(stop)) as hole:
        with pytest.raises(Cancelled), alone.of(small, replace(job(), stop=stop)):
            raise AssertionError("it is held")
        (taking,) = left_to_itself("take")
        hole.release(then=Reset())
    taking.join(60)


def test_who_is_told_to_stop_does_not_wait_to_hear_that_it_holds(
    swallowed: Belfrys, small: SqliteSource, proxy: FaultProxy
) -> None:
    alone, stop = holds(swallowed, proxy), threading.Event()
    with alone.of(small, replace(job(), stop=stop)) as hold:
        hole = proxy.hold(times=None, service="table", where=stopping(stop))
        with pytest.raises(Cancelled):
            hold.confirm()
        (confirming,) = left_to_itself("confirm")
        hole.release(then=Reset())
        confirming.join(60)


class Impatient(SystemClock):
    """Fails who waits."""

    def wait(self, event: threading.Event, longest: timedelta) -> bool:
        raise AssertionError(f"{event}: it is held for {longest}")
