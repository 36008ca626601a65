"""The soak: hundreds of schedules on a fast clock, hosts that are killed, storage that fails.

At the end every occurrence is explained: none lost, none started twice, no effect done twice.
A minute is an hour. The same seed gives the same schedules, changes, kills and faults, though not
the same order of events.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from local.azurite import Azurite
from shared.app import App
from shared.errors import Conflict, NotFound
from shared.recurrence import next_run
from shared.schedules.ledger import Span
from shared.schedules.model import Schedule
from tests.soak.chaos import Hosts, People, Proxy, Storm, try_until
from tests.soak.conftest import SECONDS
from tests.soak.verdict import Rows, Traces
from tests.soak.world import BASE, Epoch, Setup, app

FACTOR = 60
_HOSTS = 3
_SETTLING = 75.0


@pytest.mark.soak
def test_whatever_happens_every_occurrence_is_explained(
    azurite: Azurite,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("belfry", "azure"):
        caplog.set_level(logging.CRITICAL, name)
    option = request.config.getoption
    seconds: float = option("--soak-seconds", SECONDS)
    seed: int = option("--soak-seed", 1) or random.randrange(10**6)
    print(f"\nsoak: seed {seed}, {seconds:.0f} s of storm, traces in {tmp_path}")

    proxy = Proxy(azurite.connection_string, seed)
    setup = Setup(
        connection_string=proxy.connection_string,
        prefix="soak",
        epoch=Epoch(began=time.monotonic(), factor=FACTOR),
        folder=tmp_path,
    )
    calm = app(replace(setup, connection_string=azurite.connection_string))
    calm.prepare()
    chance = random.Random(seed)
    people = People(app(setup), chance)
    broken = replace(setup, break_engine=option("--soak-break", ""))
    hosts = Hosts(broken, _HOSTS)
    hosts.start()
    try:
        proxy.say("rate 0.03")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: people.create(), range(option("--soak-schedules", 300))))
        Storm(hosts, proxy, people, chance).blow(seconds)
        counts = proxy.say("counts")
        proxy.say("clear")
        hosts.start()
        frozen = _freeze(calm)
        settled = try_until(_SETTLING, lambda: not Rows.read(calm).live())
    finally:
        hosts.kill_all()
        proxy.close()

    rows, traces = Rows.read(calm), Traces.read(tmp_path / "traces")
    missing: list[str] = []
    for one in people.untouched:
        schedule = rows.schedules[one]
        if schedule.policy.max_runs is None and not frozen[one].progress.paused_reason:
            missing += rows.missing(schedule, _due(frozen[one]))
    reconciled = calm.ledger.reconcile(lambda: None, Span(BASE, calm.clock.now()))
    status = Counter(job.status.value for job in rows.jobs.values())
    print(
        f"soak: {len(rows.schedules)} schedules, {reconciled.states.total()} occurrences, "
        f"jobs {dict(status)}\n"
        f"soak: ledger {dict(reconciled.result())}\n"
        f"soak: {len(traces.attempts)} attempts, {_taken_over(traces)} after one that was killed, "
        f"{hosts.kills} kills, effects refused a second time: {traces.refused}\n"
        f"soak: changes {dict(people.done)}, refused {dict(people.refused)}\n"
        f"soak: proxy {counts}"
    )
    crashes = tmp_path / "crashes"
    found = {
        "not of the engine's errors": crashes.read_text() if crashes.exists() else "",
        "did not end": [] if settled else rows.live(),
        "unexplained or unexpected": [] if reconciled.good else str(reconciled),
        "lost, of schedules that nobody changed": missing,
        "started twice": traces.twice,
        "effects done twice": [one for one, count in traces.effects.items() if count > 1],
        "ran at once": list(traces.beside(people.overlapping)),
        "asked for and lost": [one for one in people.asked if one not in rows.jobs],
        "told differently": list(rows.problems(traces)),
    }
    (tmp_path / "found").write_text(json.dumps(found, indent=1))
    wrong = [f"{name}: {str(what)[:2000]}" for name, what in found.items() if what]
    assert not wrong, "\n".join(wrong)
    assert status["succeeded"] > 100, "too little happened to prove anything"


def _freeze(calm: App) -> dict[str, Schedule]:
    """Turn every schedule off; what each was then."""
    found: dict[str, Schedule] = {}

    def off(one: Schedule) -> None:
        try:
            found[one.id] = calm.manager.enable(one.id, False)
        except (NotFound, Conflict):  # deleted; or its rows are at odds, which will be found
            found[one.id] = one

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(off, list(calm.table.schedules())))
    return found


def _due(schedule: Schedule) -> list[datetime]:
    """What a schedule that nobody changed owes until it was turned off, worked out anew."""
    due: list[datetime] = []
    at = next_run(schedule.definition.recurrence, schedule.created_at)
    while at is not None and at < schedule.updated_at:
        due.append(at)
        at = next_run(schedule.definition.recurrence, at)
    return due


def _taken_over(traces: Traces) -> int:
    return sum(
        number > 1 and (job, number - 1) in traces.attempts and before.ended is None
        for (job, number), _ in traces.attempts.items()
        if (before := traces.attempts.get((job, number - 1))) is not None
    )
