"""The soak: hundreds of schedules on a fast clock, hosts that are killed, storage that fails.

At the end every occurrence is explained: none lost, none started twice, no effect done twice; and
of what was due while no host ran, that has started which `catch_up` says. Callers of the API got
what they were promised, once, and nothing of other projects; the indexes of lists, and the audit,
say what the rows say. The same seed gives the same schedules, changes, kills and faults, though not
the same order of events.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from local.azurite import Azurite
from shared.schedules.ledger import Span
from shared.schedules.model import Overlap
from tests.soak import audited, upkeep
from tests.soak.callers.cast import Cast
from tests.soak.callers.promises import Promises
from tests.soak.conftest import Options
from tests.soak.hosts import Hosts, Proxy
from tests.soak.noted import Noted
from tests.soak.outage import Outage, by_schedule
from tests.soak.people import People
from tests.soak.settling import freeze, lost, settles
from tests.soak.storm import Storm
from tests.soak.verdict import Rows
from tests.soak.world import BASE, Setup, app

_HOSTS = 3
_HANDS = 16
"""Of each kind in a host: so few that jobs wait for them."""


@pytest.mark.soak
def test_whatever_happens_every_occurrence_is_explained(
    azurite: Azurite, tmp_path: Path, options: Options
) -> None:
    print(f"\nsoak: seed {options.seed}, {options.seconds:.0f} s of storm, traces in {tmp_path}")
    proxy = Proxy(azurite.connection_string, options.seed)
    setup = Setup(
        connection_string=proxy.connection_string,
        prefix="soak",
        began=time.monotonic(),
        folder=tmp_path,
        hands=_HANDS,
        long_hands=_HANDS,
        api=True,
    )
    calm = app(replace(setup, connection_string=azurite.connection_string))
    calm.prepare()
    upkeep.begin(calm)
    cast = Cast(calm, tmp_path, _HOSTS, options.seed)
    people = People(app(setup), random.Random(options.seed))
    hosts = Hosts(replace(setup, break_engine=options.break_engine), _HOSTS)
    storm = Storm(hosts, proxy, calm, setup.pace, random.Random(options.seed + 1))
    hosts.start()
    try:
        proxy.say("rate 0.03")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: people.create(), range(options.schedules)))
        with cast.living(), _living(people):
            storm.blow(options.seconds)
        counts = proxy.say("counts")
        proxy.say("clear")
        hosts.start()
        settles(lambda: _are_over(storm.outages, Rows.read(calm)))
        frozen = freeze(calm)
        settled = settles(lambda: upkeep.is_all_that_is_left(Rows.read(calm)))
        upkeep.end(calm)
        ended = settles(lambda: not Rows.read(calm).live())
        shown = list(cast.shown(Rows.read(calm)))
    finally:
        cast.close()
        hosts.kill_all()
        proxy.close()

    entries, tampered = audited.read(calm)
    rows, noted = Rows.read(calm), Noted.read(tmp_path / "traces")
    reconciled = calm.ledger.reconcile(lambda: None, Span(BASE, calm.clock.now()), every=True)
    status = Counter(job.status.value for job in rows.jobs.values())
    print(
        f"soak: {len(rows.schedules)} schedules, {reconciled.states.total()} occurrences, "
        f"jobs {dict(status)}\n"
        f"soak: ledger {dict(reconciled.result())}\n"
        f"soak: {len(noted.attempts)} attempts, {noted.taken_over} after one that was killed, "
        f"{hosts.kills} kills, effects refused a second time: {noted.refused.total()}\n"
        f"soak: changes {dict(people.done)}, refused {dict(people.refused)}\n"
        f"soak: callers {dict(sorted(cast.notes.counts.items()))}\n"
        f"soak: proxy {counts}"
    )
    crashes = tmp_path / "crashes"
    planted = {cell.id for one in storm.outages for cell in one.cells}
    untouched = people.untouched | planted
    in_projects = {deed.schedule for deed in cast.notes.deeds} & rows.schedules.keys()
    found: dict[str, object] = {
        "not of the engine's errors": crashes.read_text() if crashes.exists() else "",
        "did not end": [] if settled and ended else rows.live(),
        "audit": [*tampered, *audited.untold(rows, entries, planted)],
        "unexplained or unexpected": [] if reconciled.good else str(reconciled),
        "lost, of schedules that nobody changed": lost(rows, frozen, untouched),
        "started twice": noted.twice,
        "effects done twice": [one for one, count in noted.effects.items() if count > 1],
        "ran at once": list(
            noted.beside(people.overlapping | _side_by_side(rows, untouched | in_projects))
        ),
        "asked for and lost": [one for one in people.asked if one not in rows.jobs],
        "told differently": list(rows.problems(noted)),
        "answered as never may be": cast.notes.wrong,
        "promised to callers": list(Promises(cast.notes.deeds, rows, entries).broken()),
        "shown otherwise at the end": shown,
        "not in the indexes": list(upkeep.problems(calm, rows)),
        "not what catch_up says of an outage": _outages(storm.outages, rows),
    }
    (tmp_path / "found").write_text(json.dumps(found, indent=1))
    wrong = [f"{name}: {str(what)[:2000]}" for name, what in found.items() if what]
    assert not wrong, "\n".join(wrong)
    seldom = [f"{status['succeeded']} succeeded"] if status["succeeded"] <= 100 else []
    traced = sum(job.trace_id is not None for job in rows.jobs.values())
    seldom += [f"{traced} jobs of a trace"] if traced <= 100 else []
    seldom += cast.too_little()
    assert not seldom, f"too little happened to prove anything: {seldom}"


@contextmanager
def _living(people: People) -> Iterator[None]:
    """People change things meanwhile."""
    over = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        life = pool.submit(people.live, over)
        try:
            yield
        finally:
            over.set()
        life.result()


def _outages(outages: Iterable[Outage], rows: Rows) -> list[str]:
    """What is wrong with how schedules came out of outages."""
    jobs = by_schedule(rows.jobs.values())
    proving = [one for one in outages if one.proves]
    cells = sum(len(one.cells) for one in proving)
    due = sum(len(cell.due) for one in proving for cell in one.cells)
    problems = [problem for one in proving for problem in one.problems(jobs)]
    print(
        f"soak: {len(proving)} outages, {cells} schedules of each policy; of {due} occurrences "
        f"due in them {sum(one.started(jobs) for one in proving)} started; wrong: {len(problems)}"
    )
    return problems if proving else ["there was no outage that proves anything"]


def _are_over(outages: Iterable[Outage], rows: Rows) -> bool:
    """Whether nothing of what was due in them can start any more."""
    return all(one.over(rows.schedules, rows.jobs) for one in outages)


def _side_by_side(rows: Rows, ids: Iterable[str]) -> set[str]:
    """Those of the schedules whose jobs may run beside each other."""
    return {one for one in ids if rows.schedules[one].policy.overlap is Overlap.ALLOW_ALL}
