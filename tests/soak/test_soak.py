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
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from local.azurite import Azurite
from shared.app import App
from shared.audit.entry import Entry
from shared.audit.port import Action
from shared.cli import indexes
from shared.engine.commands import builtin
from shared.errors import BelfryError, Conflict, NotFound
from shared.recurrence import Frequency, Recurrence, next_run
from shared.schedules.job import Status, parse_id
from shared.schedules.ledger import Span
from shared.schedules.model import Definition, Overlap, Schedule
from tests.soak.callers.cast import Cast
from tests.soak.callers.promises import Promises
from tests.soak.conftest import Options
from tests.soak.hosts import Hosts, Proxy
from tests.soak.noted import Noted
from tests.soak.outage import Outage, by_schedule
from tests.soak.people import People
from tests.soak.storm import Storm
from tests.soak.tasks import UPKEEP
from tests.soak.verdict import Rows
from tests.soak.world import BASE, Setup, app

_HOSTS = 3
_HANDS = 16
"""Of each kind in a host: so few that jobs wait for them."""
_SETTLING = 75.0


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
    _keep(calm)
    cast = Cast(calm, tmp_path, _HOSTS, options.seed)
    people = People(app(setup), random.Random(options.seed))
    hosts = Hosts(replace(setup, break_engine=options.break_engine), _HOSTS)
    storm = Storm(hosts, proxy, calm, setup.pace, random.Random(options.seed + 1))
    clock = [time.monotonic()]
    hosts.start()
    try:
        proxy.say("rate 0.03")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: people.create(), range(options.schedules)))
        clock.append(time.monotonic())
        with cast.living(), _living(people):
            storm.blow(options.seconds)
        clock.append(time.monotonic())
        counts = proxy.say("counts")
        proxy.say("clear")
        hosts.start()
        _settles(lambda: _are_over(storm.outages, Rows.read(calm)))
        clock.append(time.monotonic())
        frozen = _freeze(calm)
        settled = _settles(lambda: _is_done(Rows.read(calm)))
        clock.append(time.monotonic())
        last = _settles_last(calm)
        clock.append(time.monotonic())
        shown = list(cast.shown(Rows.read(calm)))
        clock.append(time.monotonic())
    finally:
        cast.close()
        hosts.kill_all()
        proxy.close()

    entries, tampered = _entries(calm)
    rows, noted = Rows.read(calm), Noted.read(tmp_path / "traces")
    reconciled = calm.ledger.reconcile(lambda: None, Span(BASE, calm.clock.now()), every=True)
    status = Counter(job.status.value for job in rows.jobs.values())
    print(
        f"soak: {len(rows.schedules)} schedules, {reconciled.states.total()} occurrences, "
        f"jobs {dict(status)}\n"
        f"soak: ledger {dict(reconciled.result())}\n"
        f"soak: {len(noted.attempts)} attempts, {noted.taken_over} after one that was killed, "
        f"{hosts.kills} kills, effects refused a second time: {noted.refused}\n"
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
        "did not end": [] if settled and last else rows.live(),
        "audit": [*tampered, *_untold(rows, entries, planted)],
        "unexplained or unexpected": [] if reconciled.good else str(reconciled),
        "lost, of schedules that nobody changed": _lost(rows, frozen, untouched),
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
        "not in the indexes": _indexes(calm, rows),
        "not what catch_up says of an outage": _outages(storm.outages, rows),
    }
    (tmp_path / "found").write_text(json.dumps(found, indent=1))
    clock.append(time.monotonic())
    print([round(b - a) for a, b in pairwise(clock)])
    wrong = [f"{name}: {str(what)[:2000]}" for name, what in found.items() if what]
    assert not wrong, "\n".join(wrong)
    seldom = [f"{status['succeeded']} succeeded"] if status["succeeded"] <= 100 else []
    seldom += cast.too_little()
    assert not seldom, f"too little happened to prove anything: {seldom}"


def _entries(calm: App) -> tuple[Sequence[Entry], list[str]]:
    """The audit's entries, and what is wrong with its chain."""
    calm.audit.chain()
    verified = calm.audit.verify()
    print(f"soak: {verified.records} records of the audit; wrong: {verified.wrong}")
    records = map(calm.audit.record, range(1, verified.head.number + 1))
    entries = [record.entry() for record in records if record is not None]
    return entries, [one.text for one in verified.findings]


def _untold(rows: Rows, entries: Iterable[Entry], planted: set[str]) -> list[str]:
    """Changes of schedules, each of which makes a revision, that the audit does not tell of exactly
    once. Schedules that are `planted` were written without a command."""
    told: dict[str, Counter[object]] = {}
    for entry in entries:
        if entry.action is Action.PAUSE:  # by the engine, which makes no revision
            continue
        if entry.after and entry.subject.kind == "schedule" and "revision" in entry.after:
            told.setdefault(entry.subject.id, Counter())[entry.after["revision"]] += 1
    return [
        f"{one.id} has the revision {one.revision}, and the audit {dict(known)}"
        for one in rows.schedules.values()
        if (known := told.get(one.id, Counter()))
        != Counter(range(2 if one.id in planted else 1, one.revision + 1))
    ]


def _keep(calm: App) -> None:
    """Have the upkeep run every five minutes, as in service."""
    for name in UPKEEP:
        when = Recurrence(frequency=Frequency.CRON, cron_expression="*/5 * * * *")
        definition = Definition(name=name, task_type=name, recurrence=when)
        policy = replace(builtin.policy(calm.registry.get(name)), max_attempts=3)
        calm.manager.create(definition, policy, schedule_id=name)


def _is_done(rows: Rows) -> bool:
    """Whether nothing of people's runs, or has still to be backfilled."""
    live = [one for one in rows.live() if parse_id(one)[0] not in UPKEEP]
    return not live and not any(one.progress.backfill for one in rows.schedules.values())


def _settles_last(calm: App) -> bool:
    """Turn the upkeep off, and give it its last turn."""
    for name in UPKEEP:
        calm.manager.enable(name, False)
        calm.manager.run_now(name, force=True)
    return _settles(lambda: not Rows.read(calm).live())


def _indexes(calm: App, rows: Rows) -> list[str]:
    """What the commands that check the indexes find; also if the upkeep had done nothing."""
    found = [indexes.check_schedules(calm), indexes.check_jobs(calm)]
    turns = [job for job in rows.jobs.values() if job.task_type == UPKEEP[0]]
    last = max(turns, key=lambda job: job.due_at)
    done = [job for job in turns if job.result]
    written = sum(job.result["schedules"]["snapshots"] for job in done)
    packed = sum(job.result["jobs"]["jobs"] for job in done)
    status = Counter(job.status.value for job in rows.jobs.values() if job.task_type in UPKEEP)
    print(
        f"soak: upkeep {dict(status)}, {written} snapshots written, {packed} jobs packed; "
        f"indexes {[dict(said) for said, _ in found]}"
    )
    wrong = [str(said) for said, good in found if not good]
    if last.status is not Status.SUCCEEDED or not (written and packed):
        wrong.append(f"the upkeep wrote {written} snapshots, packed {packed} jobs; last: {last}")
    return wrong


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


def _settles(good: Callable[[], bool]) -> bool:
    """Whether it becomes good in time."""
    until = time.monotonic() + _SETTLING
    while time.monotonic() < until:
        try:
            if good():
                return True
        except BelfryError:
            pass
        time.sleep(0.5)
    return False


def _freeze(calm: App) -> dict[str, Schedule]:
    """Turn every schedule off; what each was then."""
    found: dict[str, Schedule] = {}

    def off(one: Schedule) -> None:
        try:
            found[one.id] = calm.manager.enable(one.id, False)
        except (NotFound, Conflict):  # deleted; or its rows are at odds, which will be found
            found[one.id] = one

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(off, [one for one in calm.table.schedules() if one.id not in UPKEEP]))
    return found


def _lost(rows: Rows, frozen: dict[str, Schedule], ids: Iterable[str]) -> list[str]:
    """Occurrences without a job, of schedules that nobody changed."""
    missing: list[str] = []
    for one in ids:
        schedule = rows.schedules[one]
        if schedule.policy.max_runs is None and not frozen[one].progress.paused_reason:
            missing += rows.missing(schedule, _due(frozen[one]))
    return missing


def _due(schedule: Schedule) -> list[datetime]:
    """What a schedule that nobody changed owes until it was turned off, worked out anew."""
    due: list[datetime] = []
    at = next_run(schedule.definition.recurrence, schedule.created_at)
    while at is not None and at < schedule.updated_at:
        due.append(at)
        at = next_run(schedule.definition.recurrence, at)
    return due
