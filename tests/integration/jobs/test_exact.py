"""Lists of jobs are exact at any instant, wherever the jobs are, and whoever is killed."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from local.azurite import Azurite
from shared.errors import Conflict
from shared.jobs.entry import Entry, Filter, epoch
from shared.schedules import record
from shared.schedules.job import Status, job_id
from shared.schedules.model import CatchUp, Overlap
from shared.storage.tables import handed, job_feed
from shared.storage.tables.job_feed import JobFeed, Pointer
from tests import sdk
from tests.dying import Dying, Killed
from tests.integration.engine.conftest import Engine, make
from tests.integration.jobs.truth import (
    assert_exact,
    pack,
    sweep,
    true_jobs,
)
from tests.jobs import jobs_of


def lived(engine: Engine) -> None:
    """Jobs in every state, some packed, some filed, some noted."""
    engine.add(project_id=1)
    engine.add("fails", project_id=2, max_attempts=1)
    engine.add(misfire_grace_seconds=5, project_id=1)
    for _ in range(3):
        engine.later(60)
        engine.tick()
        engine.work()
        engine.later(6)
        sweep(engine.app)
    pack(engine.app)
    engine.later(600)
    engine.tick()
    engine.later(6)
    sweep(engine.app)
    made = engine.add(enabled=False, project_id=3)
    engine.app.manager.run_now(made.id, force=True)


def test_before_and_after_each_step_from_note_to_chunk(engine: Engine) -> None:
    made = engine.add(project_id=1)
    assert_exact(engine.app, "nothing ran")
    engine.later(60)
    engine.tick()
    assert_exact(engine.app, "handed out")
    engine.work()
    assert_exact(engine.app, "ended")
    engine.later(70)
    sweep(engine.app)
    assert_exact(engine.app, "filed")
    assert pack(engine.app).rebuilt
    assert_exact(engine.app, "built")
    for _ in range(4):
        engine.tick()
        engine.work()
        engine.later(60)
        sweep(engine.app)
        packed = pack(engine.app)
        assert not packed.rebuilt and packed.won
        assert_exact(engine.app, "packed")
    engine.app.manager.delete(made.id)
    assert_exact(engine.app, "deleted: its jobs stay listed")
    assert pack(engine.app).jobs == 0


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_in_whatever_order(engine: Engine, azurite: Azurite, seed: int) -> None:
    """Two processes; each reads what the other wrote."""
    choose = random.Random(seed)
    other = make(azurite, engine.app.settings.prefix, clock=engine.clock)
    some = [
        engine.add(project_id=1),
        engine.add("fails", max_attempts=2, retry_delay_seconds=30),
        engine.add(overlap=Overlap.BUFFER_ALL, catch_up=CatchUp.ALL, project_id=2),
        engine.add(misfire_grace_seconds=1, task_type="works"),
    ]

    def run_now() -> None:
        engine.app.manager.run_now(choose.choice(some).id, force=True)

    def cancel() -> None:
        job = choose.choice(list(true_jobs(engine.app)) or ["none-20260301T120000Z"])
        if job in true_jobs(engine.app):
            with suppress(Conflict):  # it has ended
                engine.app.control.cancel(job)

    def toggle() -> None:
        one = choose.choice(some)
        engine.app.manager.change(
            one.id,
            lambda it: replace(
                it, definition=replace(it.definition, enabled=not it.definition.enabled)
            ),
        )

    steps: list[Callable[[], object]] = [
        engine.tick,
        engine.work,
        engine.work,
        lambda: engine.later(choose.choice([5, 20, 90])),
        lambda: engine.later(4000),
        lambda: sweep(engine.app),
        lambda: sweep(other.app),
        lambda: pack(other.app),
        run_now,
        cancel,
        toggle,
    ]
    for number in range(24):
        step = choose.choice(steps)
        step()
        if number % 3 == 0:
            assert_exact(other.app, f"seed {seed}, step {number}")
    assert_exact(engine.app, f"seed {seed}")


@pytest.mark.parametrize("what", ["pack", "rebuild", "sweep"])
def test_killed_before_each_write_no_job_is_missing_and_none_is_twice(
    engine: Engine, azurite: Azurite, what: str
) -> None:
    lived(engine)
    prefix = engine.app.settings.prefix
    engine.later(20)
    for number in range(1, 40):
        dying = make(
            azurite, prefix, clock=engine.clock, transport=Dying(number - 1), prepared=True
        )
        try:
            act(what, dying)
        except Killed:
            assert_exact(engine.app, f"{what} killed before write {number}")
            engine.later(6)
            sweep(engine.app)
            assert_exact(engine.app, f"{what} killed before write {number}, swept")
            if what != "sweep" or number % 2:
                pack(engine.app)
            assert_exact(engine.app, f"{what} killed before write {number}, packed")
            if what != "rebuild":
                more(engine, swept=what == "pack")
            continue
        assert number > 3, "it wrote nothing"
        assert_exact(engine.app, f"{what} to its end")
        return
    raise AssertionError(f"{what} has more than 40 writes")


def act(what: str, dying: Engine) -> None:
    """What the process does that is killed."""
    match what:
        case "pack":
            pack(dying.app)
        case "rebuild":
            dying.app.packing.rebuild(lambda: None)
        case _:
            sweep(dying.app)


def more(engine: Engine, *, swept: bool = True) -> None:
    """More to sweep, or to pack."""
    engine.later(60)
    engine.tick()
    engine.work()
    engine.later(6)
    if swept:
        sweep(engine.app)


def test_two_that_pack_at_once_pack_once(engine: Engine, azurite: Azurite) -> None:
    lived(engine)
    other = make(azurite, engine.app.settings.prefix, clock=engine.clock)
    slow = engine.app.packing
    point = slow._feed.point

    def late(before: Pointer, directory: str) -> bool:
        assert pack(other.app).won
        return point(before, directory)

    slow._feed.point = late  # type: ignore[method-assign]
    assert not slow.pack(lambda: None).won
    assert_exact(engine.app)
    assert_exact(other.app)


def test_lost_blobs_are_no_lost_jobs(engine: Engine) -> None:
    lived(engine)
    pack(engine.app)
    engine.app.connection.container(f"{engine.app.settings.prefix}-index").delete_container()
    assert_exact(engine.app, "read from the rows", indexed=False)
    assert pack(engine.app).rebuilt
    assert_exact(engine.app, "built anew")


def test_what_a_killed_run_left_is_removed_an_hour_later(engine: Engine, azurite: Azurite) -> None:
    lived(engine)
    pack(engine.app)
    more(engine)
    blobs = engine.app.connection.container(f"{engine.app.settings.prefix}-index")
    dying = make(
        azurite,
        engine.app.settings.prefix,
        clock=engine.clock,
        transport=Dying(2),
        prepared=True,
    )
    with pytest.raises(Killed):
        pack(dying.app)
    pack(engine.app)
    there = {blob.name for blob in blobs.list_blobs("jobs/")}
    engine.clock.set(max(blob.last_modified for blob in blobs.list_blobs("jobs/")))
    engine.later(3700)
    pack(engine.app)
    kept = {blob.name for blob in blobs.list_blobs("jobs/")}
    assert kept < there
    assert_exact(engine.app)


def test_a_note_of_thousands_is_several_and_names_them_all(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handed, "MOST_NAMED", 7)
    for _ in range(20):
        engine.add()
    engine.later(60)
    engine.tick()
    assert_exact(engine.app)
    names = engine.app.connection.table(f"{engine.app.settings.prefix}schedules")
    notes = handed.HandedOut(names).all()
    assert all(len(note.ids or ()) <= 7 for note in notes) and len(notes) >= 3


def test_a_garbled_line_of_the_feed_does_no_harm(engine: Engine) -> None:
    lived(engine)
    pack(engine.app)
    table = sdk.table(engine.app)
    table.create_entity(
        {"PartitionKey": "meta", "RowKey": "jobs.feed:2026:x", "jobs": '["a"]\n{}\nno'}
    )
    assert_exact(engine.app)


def test_a_check_names_what_the_index_lacks_and_a_rebuild_repairs_it(engine: Engine) -> None:
    lived(engine)
    pack(engine.app)
    made = engine.add(enabled=False)
    lost = record.ended(made, engine.clock.now(), Status.MISSED, "", engine.clock.now())
    assert engine.app.table.end([lost]) == [True]  # nobody named it
    checked = engine.app.jobs.check(lambda: None)
    assert checked.wrong == [lost.id] and not checked.good
    engine.app.packing.rebuild(lambda: None)
    assert_exact(engine.app)


def test_pages_of_each_project_are_its_own(engine: Engine) -> None:
    lived(engine)
    pack(engine.app)
    truth = true_jobs(engine.app).values()
    for projects in ([1], [2], [1, 3], [9]):
        found = engine.app.jobs.page(Filter(projects=projects), 0, 100)
        assert {job.id for job in found.jobs} == {
            job.id for job in truth if job.project_id in projects
        }


def test_the_due_span_of_a_list_is_by_the_second(engine: Engine) -> None:
    lived(engine)
    pack(engine.app)
    one = max(true_jobs(engine.app).values(), key=lambda job: job.due_at)
    second = timedelta(seconds=1)
    assert one.id in {job.id for job in jobs_of(engine.app, None, one.due_at)}
    assert one.id not in {job.id for job in jobs_of(engine.app, None, one.due_at + second)}
    assert one.id not in {job.id for job in jobs_of(engine.app, None, None, one.due_at)}


def test_a_feed_that_is_packed_while_it_is_read_is_read_again(engine: Engine) -> None:
    lived(engine)
    pack(engine.app)
    more(engine)
    feed = JobFeed(
        engine.app.connection.table(f"{engine.app.settings.prefix}schedules"), engine.app.meta
    )
    contents = feed._contents

    def packed_meanwhile(keys: list[str]) -> dict[str, job_feed.Filed]:
        feed._contents = contents  # type: ignore[method-assign]
        pack(engine.app)
        return contents(keys)

    feed._contents = packed_meanwhile  # type: ignore[method-assign, assignment]
    before = engine.app.meta.value(job_feed.INDEX)
    found = feed.read()
    assert found.rows == () and found.directory not in (None, before)


def test_the_longest_ids_fit_into_a_note_and_into_the_feed(engine: Engine) -> None:
    """A property holds 32,000 characters, and a row 1 MiB."""
    table = engine.app.connection.table(f"{engine.app.settings.prefix}schedules")
    notes, feed = handed.HandedOut(table), JobFeed(table, engine.app.meta)
    now = engine.clock.now()
    ids = [job_id("s" * 40, now, f"{number:040d}") for number in range(handed.MOST_NAMED + 1)]
    notes.note([(one, now) for one in ids], now)
    named = [one for note in notes.all() for one in note.ids or ()]
    assert set(ids) <= set(named) and len(notes.all()) >= 2
    filed = [Entry(one, Status.FAILED, "t" * 60, 2**40, epoch(now), 1, 1e9 / 3) for one in ids]
    feed.file(filed, now)
    assert {one for row in feed.read().rows for one in row.entries} == set(filed)
