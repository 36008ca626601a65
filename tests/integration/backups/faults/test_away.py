"""Storage that is away for a while, throttles, or does the work and loses its answer."""

from __future__ import annotations

import re
import threading
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from shared.backups.jobs.copy import copy_to
from shared.backups.sqlite.source import SqliteSource
from shared.backups.store.catalog import Catalog
from shared.backups.store.destination import Destination
from shared.clock import SystemClock
from shared.errors import Unavailable
from shared.settings import Secret, StorageAccount
from shared.storage.blobs import stream, upload
from shared.storage.connect import Connection
from tests.faults import FaultProxy, LoseAnswer, Refuse, Reset, Rule, Throttle
from tests.faults.request import Request
from tests.integration.backups.faults.world import (
    BOTH,
    DAY,
    LATER,
    behind,
    inside,
    job,
    whole,
)
from tests.integration.backups.setup import OFFSITE, PRIMARY, Shelf

WRITES: dict[str, dict[str, Any]] = {
    "block": {"operation": "block"},
    "commit": {"operation": "blocklist"},
    "manifest": {"operation": "blob", "method": "PUT", "path": r"manifest\.json"},
    "checksum": {"operation": "blob", "method": "PUT", "path": r"\.sha256"},
    "report": {"operation": "blob", "method": "PUT", "path": r"verified\.json"},
}
READS: dict[str, dict[str, Any]] = {
    "look": {"operation": "blob", "method": "HEAD"},
    "read back": {"operation": "blob", "method": "GET"},
    "restore": {"operation": "blob", "method": "GET", "skip": 1},
}


def blocks(proxy: FaultProxy, path: str) -> Counter[str]:
    """How often each block was sent there and taken."""
    return Counter(
        entry.path
        for entry in proxy.log.entries
        if entry.operation == "block" and entry.status == 201 and path.strip("[/?]") in entry.path
    )


def test_an_upload_goes_on_with_the_block_that_failed(
    shelf: Shelf, database: SqliteSource, proxy: FaultProxy
) -> None:
    """Away from the second block on, until the test has seen it fail; then back."""
    felt = threading.Event()

    def feel(_: Request) -> bool:
        felt.set()
        return True

    away = proxy.rules.add(Reset(), operation="block", skip=1, where=feel)

    def back() -> None:
        assert felt.wait(60)
        while away.fired < 2:
            felt.clear()
            assert felt.wait(60)
        proxy.rules.remove(away)

    repair = threading.Thread(target=back)
    repair.start()
    behind(shelf, proxy).take(database)
    repair.join(60)
    assert away.fired >= 2
    assert list(blocks(proxy, shelf.word).values()) == [1, 1], "no block that was taken came again"
    assert shelf.states() == [{PRIMARY: "verified"}]
    whole(shelf)


@pytest.mark.parametrize("step", [*WRITES, *READS])
def test_away_at_a_step_and_back(
    shelf: Shelf, small: SqliteSource, proxy: FaultProxy, step: str
) -> None:
    match = (WRITES | READS)[step]
    rule = proxy.rules.add(Reset(), Refuse(500), Throttle(), times=2, service="blob", **match)
    behind(shelf, proxy).take(small)
    assert rule.fired == 2
    assert shelf.states() == [{PRIMARY: "verified"}]
    whole(shelf)


def test_every_answer_to_a_write_is_lost_once(
    two: Shelf, small: SqliteSource, proxy: FaultProxy
) -> None:
    rules = {
        (name, step): proxy.rules.add(
            LoseAnswer(),
            times=1,
            service="blob",
            where=_all(inside(two, name), match.pop("path", "")),
            **match,
        )
        for name in two.names
        for step, match in ((step, dict(match)) for step, match in WRITES.items())
    }
    behind(two, proxy).take(small)
    assert {which: rule.fired for which, rule in rules.items()} == dict.fromkeys(rules, 1)
    assert two.states() == [BOTH]
    whole(two)
    assert len(two.everything()) == len(two.everything(OFFSITE)) == 4


def _all(*patterns: str) -> Any:
    return lambda request: all(re.search(one, request.path) for one in patterns)


def test_the_answer_to_a_removal_is_lost(
    shelf: Shelf, small: SqliteSource, proxy: FaultProxy
) -> None:
    shelf.take(small, job("nightly:1", by=-DAY))
    proxy.rules.add(LoseAnswer(), times=1, method="DELETE")
    result = behind(shelf, proxy).take_all([small], job(), retention={"count": 1})
    assert len(result["not_removed"]) == 1
    result = shelf.take_all([small], job("nightly:3", by=DAY), retention={"count": 1})
    assert len(shelf.backups()) == 1
    assert "not_removed" not in result
    whole(shelf)


def test_a_listing_that_is_throttled_is_asked_for_again(
    shelf: Shelf, small: SqliteSource, proxy: FaultProxy
) -> None:
    """By the clients that Belfry makes; the tests' own do not try again."""
    shelf.take(small)
    account = StorageAccount(connection_string=Secret(proxy.connection_string))
    made = partial(Connection(account).container, f"{shelf.word}{PRIMARY}")
    rule = proxy.rules.add(Throttle(), times=1, operation="list")
    found = Catalog([Destination(PRIMARY, made)]).look()
    assert (rule.fired, len(found.backups), found.away) == (1, 1, {})


def test_who_reads_waits_once_for_a_destination_that_is_dead(
    two: Shelf, small: SqliteSource, proxy: FaultProxy
) -> None:
    """By the clients that Belfry makes. For a minute it is taken for dead, by nobody who works."""
    two.take(small)
    account = StorageAccount(connection_string=Secret(proxy.connection_string))
    catalog = Catalog(
        Destination(name, partial(Connection(account).container, f"{two.word}{name}"))
        for name in two.names
    )
    now = SystemClock().now()
    away = proxy.rules.add(Reset(), path=inside(two, OFFSITE), operation="list")
    first = catalog.look(now)
    assert (list(first.away), away.fired) == ([OFFSITE], 3)
    again = catalog.look(now + timedelta(seconds=59))
    assert (again.away, away.fired) == (first.away, 3), "it is told, and not asked"
    assert [[copy.state for copy in one.copies] for one in again.backups] == [["verified"]]
    catalog.look()
    assert away.fired == 6, "a job asks"
    assert list(catalog.look(now + timedelta(minutes=1)).away) == [OFFSITE]
    assert away.fired == 9, "a minute later it is asked"
    proxy.rules.remove(away)
    assert catalog.look().away == {}
    assert catalog.look(now + timedelta(minutes=1)).away == {}, "it was seen to be back"


def test_destinations_that_are_all_dead_are_asked_each_time(
    shelf: Shelf, small: SqliteSource, proxy: FaultProxy
) -> None:
    shelf.take(small)
    world = behind(shelf, proxy)
    now = SystemClock().now()
    away = proxy.rules.add(Reset(), operation="list")
    with pytest.raises(Unavailable):
        world.catalog.look(now)
    proxy.rules.remove(away)
    assert len(world.catalog.look(now).backups) == 1


def test_offsite_is_away_and_its_copy_is_caught_up_later(
    two: Shelf, small: SqliteSource, proxy: FaultProxy
) -> None:
    away = proxy.rules.add(Reset(), path=inside(two, OFFSITE))
    world = behind(two, proxy)
    taken = world.take(small)
    assert list(taken["missing_copies"]) == [OFFSITE]
    assert "did not answer" in taken["missing_copies"][OFFSITE]
    found = world.catalog.look()
    assert list(found.away) == [OFFSITE], "what is away is told, and hides nothing of the other"
    assert [[copy.state for copy in one.copies] for one in found.backups] == [["verified"]]

    proxy.rules.remove(away)
    (one,) = world.backups()
    assert copy_to(world.catalog, one, world.catalog.wanted(()), job("upkeep")) == {}
    assert two.states() == [BOTH]
    whole(two)


def test_offsite_goes_away_in_the_copy(
    two: Shelf, database: SqliteSource, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For longer than a copy waits."""
    _impatient(monkeypatch)
    for operation, left in (("block", {}), ("blocklist", {}), ("HEAD", {OFFSITE: "unproved"})):
        match = {"method": "HEAD"} if operation == "HEAD" else {"operation": operation}
        away = proxy.rules.add(Reset(), path=inside(two, OFFSITE), **match)  # type: ignore[arg-type]
        name = f"nightly:{operation}"
        by = DAY * (1 + len(two.backups()))
        taken = behind(two, proxy).take(database, job(name, by=by))
        assert list(taken["missing_copies"]) == [OFFSITE]
        assert two.states()[0] == {PRIMARY: "verified", **left}
        proxy.rules.remove(away)
        copy_to(two.catalog, two.backups()[0], two.catalog.wanted(()), job("upkeep"))
        assert two.states()[0] == BOTH
    whole(two)


def test_primary_is_away_from_the_start_and_is_caught_up_later(
    two: Shelf, small: SqliteSource, proxy: FaultProxy
) -> None:
    away = proxy.rules.add(Reset(), path=inside(two, PRIMARY))
    world = behind(two, proxy)
    taken = world.take(small)
    assert taken["destination"] == OFFSITE
    assert list(taken["missing_copies"]) == [PRIMARY]
    assert two.states() == [{OFFSITE: "verified"}]
    assert two.backups()[0].copies[0].reports[0].how == "restored"
    proxy.rules.remove(away)
    copy_to(world.catalog, two.backups()[0], world.catalog.wanted(()), job("upkeep"))
    assert two.states() == [BOTH]
    whole(two)


@pytest.mark.parametrize("step", [*WRITES, *READS])
def test_primary_goes_away_for_long_and_the_backup_goes_to_offsite(
    two: Shelf,
    small: SqliteSource,
    proxy: FaultProxy,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    _impatient(monkeypatch)
    match = dict((WRITES | READS)[step])
    where = _all(inside(two, PRIMARY), match.pop("path", ""))
    away = proxy.rules.add(Reset(), service="blob", where=where, **match)
    world = behind(two, proxy)
    taken = world.take(small)
    assert away.fired > 0
    assert taken["destination"] == OFFSITE
    (states,) = two.states()  # so what was begun at primary is gone
    assert states[OFFSITE] == "verified"
    assert states.get(PRIMARY) != "verified"  # of its copy there may be a part
    assert PRIMARY in taken["missing_copies"]
    proxy.rules.remove(away)
    copy_to(world.catalog, two.backups()[0], world.catalog.wanted(()), job("upkeep"))
    assert two.states() == [BOTH]
    whole(two)


def test_all_is_away_for_long(
    shelf: Shelf, small: SqliteSource, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempt fails and can remove nothing; the next one ends right."""
    _impatient(monkeypatch)
    world = behind(shelf, proxy)
    for number, match in enumerate(({"method": "GET", "operation": "blob"}, WRITES["report"]), 1):
        begun = proxy.rules.add(Reset(), times=1, **match)
        proxy.rules.add(Reset(), where=partial(_fired, begun))
        with pytest.raises(
            Unavailable, match=rf"container {shelf.word}{PRIMARY}\): did not answer"
        ):
            world.take(small, job(by=DAY * number))
        with pytest.raises(Unavailable, match="did not answer"):
            world.catalog.look()
        assert shelf.states()[0] == {PRIMARY: "unproved"}
        proxy.rules.clear()
        world.take(small, job(attempt=2, by=DAY * number + LATER))
        assert shelf.states() == [{PRIMARY: "verified"}]
        whole(shelf)
        shelf.catalog[PRIMARY].remove(
            shelf.backups()[0].copies[0].blob, shelf.backups()[0].copies[0].names
        )


def _fired(rule: Rule, request: Request) -> bool:
    del request
    return rule.fired > 0


def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for."""
    monkeypatch.setattr(stream, "PATIENCE", 0)
    patient: tuple[Any, ...] = (upload.stage, stream.read_back, stream.pieces, stream.etag_of)
    for function in patient:
        defaults = function.__kwdefaults__ | {"patience": 0}
        monkeypatch.setattr(function, "__kwdefaults__", defaults)
