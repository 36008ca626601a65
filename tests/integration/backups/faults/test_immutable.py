"""Containers with an immutability policy: whatever lies there can be neither changed nor removed,
and everything but retention goes on all the same."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyrage
import pytest

from shared.backups.jobs.copy import copy_to
from shared.backups.jobs.prune import clear
from shared.backups.model import Outcome, Report
from shared.backups.params import Retention
from shared.backups.sqlite.source import SqliteSource
from shared.backups.store.encryption import Seal
from shared.settings import Secret
from tests.faults import FaultProxy, Refuse
from tests.faults.request import Request
from tests.integration.backups.faults.meddling import add_user
from tests.integration.backups.faults.world import (
    BOTH,
    DAY,
    LATER,
    behind,
    inside,
    job,
    prove,
    whole,
)
from tests.integration.backups.killed import Nursery, Victim
from tests.integration.backups.setup import OFFSITE, PRIMARY, Shelf

POLICY = Refuse(409, "BlobImmutableDueToPolicy", "This operation is not permitted.")


class Worm:
    """Refuses what a policy on every blob does; notes what was refused."""

    def __init__(self, proxy: FaultProxy) -> None:
        self._lock = threading.Lock()
        self._there: set[str] = set()
        self.refused: list[str] = []
        proxy.rules.add(POLICY, service="blob", where=self._forbids)

    def _forbids(self, request: Request) -> bool:
        if request.operation == "container" or request.method not in ("PUT", "DELETE"):
            return False
        name = request.path.partition("?")[0]
        with self._lock:
            if request.operation == "block":
                return False
            if request.method == "PUT" and name not in self._there:
                self._there.add(name)
                return False
            self.refused.append(f"{request.method} {request.operation}")
        return True

    def forget(self, part: str) -> None:
        """What was not written after all."""
        with self._lock:
            self._there = {name for name in self._there if re.search(part, name) is None}


@pytest.fixture
def worm(proxy: FaultProxy) -> Worm:
    return Worm(proxy)


@pytest.fixture(params=[False, True], ids=["plain", "sealed"])
def held(request: pytest.FixtureRequest, two: Shelf, proxy: FaultProxy) -> Shelf:
    """Two destinations behind the proxy."""
    seal = Seal(Secret(str(pyrage.x25519.Identity.generate()))) if request.param else None
    return behind(replace(two, seal=seal), proxy)


def test_taken_proved_again_accepted_and_copied(
    held: Shelf, small: SqliteSource, worm: Worm
) -> None:
    taken = held.take(small, tier="Cool")
    assert held.states() == [BOTH]
    prove(held, small, taken["id"])
    (one,) = held.backups()
    for copy in one.copies:
        accepted = Report(
            backup_id=one.id,
            outcome=Outcome.ACCEPTED,
            at=job().clock.now(),
            job_id="",
            how="by a person",
        )
        held.catalog[copy.destination].write_report(
            copy.blob, accepted, encrypted=copy.summary.encrypted
        )
    assert held.states() == [BOTH]
    other = held.take(small, job("nightly:2", by=DAY), destinations=[PRIMARY])
    assert copy_to(held.catalog, held.backups()[0], held.catalog.wanted(()), job("upkeep")) == {}
    assert held.states() == [BOTH, BOTH]
    assert [one.id for one in held.backups()] == [other["id"], taken["id"]]
    assert worm.refused == [], "nothing was to be changed"
    whole(held)


def test_retention_is_refused_told_and_leaves_all_whole(
    held: Shelf, small: SqliteSource, worm: Worm
) -> None:
    old = held.take(small, job("nightly:1", by=-40 * DAY))
    prove(held, small, old["id"])
    result = held.take_all([small], job(), retention={"days": 30})
    assert result["removed"] == []
    assert len(result["not_removed"]) == 2
    for name, said in zip(held.names, result["not_removed"], strict=True):
        assert said.startswith(f"{name}: blob storage (container ")
        assert "an immutability policy of the container holds it" in said
    assert held.states() == [BOTH, BOTH]
    assert worm.refused == ["DELETE blob"] * 2, "at the first of its blobs it ended"
    whole(held)
    prove(held, small, old["id"])


def test_one_destination_holds_what_the_other_lets_go(
    two: Shelf, small: SqliteSource, proxy: FaultProxy
) -> None:
    proxy.rules.add(POLICY, method="DELETE", path=inside(two, PRIMARY))
    held = behind(two, proxy)
    held.take(small, job("nightly:1", by=-40 * DAY))
    result = held.take_all([small], job(), retention={"days": 30})
    assert (result["removed"], len(result["not_removed"])) == ([], 1)
    assert held.states() == [BOTH, {PRIMARY: "verified"}]
    whole(held)
    proxy.rules.clear()  # the policy's time is over
    found = held.catalog.look()
    assert len(clear(held.catalog, found, "nightly", Retention(days=30), job())[0]) == 1
    assert held.states() == [BOTH]
    whole(held)


STAGES: dict[str, dict[str, Any]] = {
    "before the manifest": {"operation": "blocklist", "path": PRIMARY},
    "before the report": {"operation": "blob", "method": "PUT", "path": rf"{PRIMARY}.*sha256"},
    "before the copy's manifest": {"operation": "blocklist", "path": OFFSITE},
    "before the copy's hash": {
        "operation": "blob",
        "method": "PUT",
        "path": rf"{OFFSITE}.*manifest\.json",
    },
    "before the copy's report": {
        "operation": "blob",
        "method": "PUT",
        "path": rf"{OFFSITE}.*sha256",
    },
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_job_that_was_killed_ends_right_though_what_it_left_stays(
    two: Shelf,
    small: SqliteSource,
    proxy: FaultProxy,
    nursery: Nursery,
    tmp_path: Path,
    stage: str,
) -> None:
    """What was broken off at the first destination stays, unproved; a copy is finished."""
    halt = proxy.hold("after", service="blob", **STAGES[stage])
    worm = Worm(proxy)
    victim = Victim(
        connection_string=proxy.connection_string,
        word=two.word,
        names=two.names,
        database=str(tmp_path / "small.db"),
    )
    nursery.kill(victim, halt)
    begun = two.states()
    add_user(tmp_path)  # so that a backup that is taken again is another
    held = behind(two, proxy)
    held.take(small, job(attempt=2, by=LATER))
    if "copy" in stage:
        assert begun == [{PRIMARY: "verified", OFFSITE: "unproved"}]
        assert held.states() == [BOTH]
        assert worm.refused == []
        whole(held)
    else:
        assert begun == [{PRIMARY: "unproved"}]
        assert held.states() == [BOTH, {PRIMARY: "unproved"}]
        assert worm.refused == ["DELETE blob"]
    assert sum(one.verified for one in held.backups()) == 1


def test_a_sealed_copy_that_was_broken_off_is_finished(
    held: Shelf, small: SqliteSource, proxy: FaultProxy, worm: Worm
) -> None:
    """What is sealed twice is never the same, so nothing may be written twice."""
    for number, part in enumerate((r"manifest\.json", r"\.sha256", r"verified\.json")):
        rule = proxy.rules.add(Refuse(403), method="PUT", path=f"{OFFSITE}/.*{part}")
        taken = held.take(small, job(f"nightly:{part}", by=DAY * number))
        assert list(taken["missing_copies"]) == [OFFSITE]
        assert held.states()[0] == {PRIMARY: "verified", OFFSITE: "unproved"}
        proxy.rules.remove(rule)
        worm.forget(part)
        left = copy_to(held.catalog, held.backups()[0], held.catalog.wanted(()), job("upkeep"))
        assert left == {}
        assert held.states()[0] == BOTH
    assert worm.refused == []
    whole(held)
