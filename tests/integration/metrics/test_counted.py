"""What the engine counts of itself is in storage: exactly once, and it never falls."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from local.azurite import Azurite
from shared.app import App
from shared.schedules.job import Status
from shared.schedules.model import Schedule
from shared.storage.queues.jobs import Message
from tests.integration.archive.past import DAY, HOUR, Past, made, run
from tests.integration.engine.conftest import START, Engine, make, store
from tests.integration.jobs.test_exact import lived
from tests.integration.jobs.truth import pack, sweep
from tests.integration.metrics.scraped import scrape, value
from tests.integration.metrics.test_metrics import never_below, runs, true_runs

TAKEN = "belfry_leases_taken_over_total"


def taken(app: App) -> float | None:
    return value(scrape(app), TAKEN)


def held(engine: Engine, made: Schedule) -> Message:
    """The schedule's next job, in the hands of a worker that is killed; a message for it."""
    engine.later(60)
    engine.tick()
    engine.messages()
    (job,) = engine.app.manager.get(made.id).progress.live

    def killed(schedule: Schedule) -> Schedule:
        now = engine.clock.now()
        began = replace(job, attempt=job.attempt + 1, started_at=now, worker="killed")
        lease = replace(began, lease_until=now + timedelta(seconds=60))
        return replace(schedule, progress=schedule.progress.put(lease))

    store(engine.app, made.id, killed)
    engine.later(61)
    return Message((job.id,), engine.clock.now())


def settle(engine: Engine) -> None:
    engine.later(100)
    sweep(engine.app)


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_job_whose_worker_was_killed_is_taken_over_once(
    engine: Engine, azurite: Azurite, attempts: int
) -> None:
    """Whether another attempt follows or its attempts are used up, and however many are told."""
    one = engine.add(max_attempts=attempts, max_runs=1)
    message = held(engine, one)
    assert taken(engine.app) == 0
    other = make(azurite, engine.app.settings.prefix, clock=engine.clock, prepared=True)
    (job,) = other.app.worker.work(message)
    assert engine.app.worker.work(message) == []
    assert job.status is (Status.FAILED if attempts == 1 else Status.SUCCEEDED)
    settle(engine)
    assert taken(engine.app) == taken(other.app) == 1
    pack(engine.app)
    engine.app.packing.rebuild(lambda: None)
    assert taken(engine.app) == taken(other.app) == 1


def test_of_two_workers_that_take_a_job_over_at_once_one_counts(
    engine: Engine, azurite: Azurite
) -> None:
    one = engine.add("waits", max_runs=1)
    message = held(engine, one)
    working = engine.start(message)
    assert engine.calls.entered.wait(20)
    other = make(azurite, engine.app.settings.prefix, clock=engine.clock, prepared=True)
    assert other.app.worker.work(message) == []
    engine.calls.hold.set()
    (job,) = working.ended()
    assert (job.attempt, job.taken_over) == (2, 1)
    settle(engine)
    assert taken(engine.app) == 1


def test_what_ends_a_job_that_nobody_holds_any_more_takes_it_over(engine: Engine) -> None:
    one = engine.add(max_runs=1)
    (job_id,) = held(engine, one).job_ids
    engine.app.control.cancel(job_id)
    job = engine.app.manager.job(job_id)
    assert (job.status, job.taken_over) == (Status.CANCELLED, 1)


def test_a_run_that_nothing_happened_to_is_not_taken_over(engine: Engine) -> None:
    lived(engine)
    settle(engine)
    assert taken(engine.app) == 0


def test_counters_do_not_fall_when_jobs_go_to_the_archive_and_the_index_is_built_anew(
    azurite: Azurite,
) -> None:
    past: Past = made(azurite)
    one = past.schedule(6)
    due = [START + 6 * HOUR * number for number in range(1, 40)]
    past.end(*(run(one, at, taken_over=1) for at in due[:30]))
    past.end(*(run(one, at, "b1aaaa", status=Status.FAILED, taken_over=2) for at in due[:5]))
    past.end(*(run(one, at) for at in due[30:]))
    past.counted(one, due[-1])
    past.told()
    past.engine.clock.set(START + 60 * DAY)
    past.app.packing.rebuild(lambda: None)
    before = scrape(past.app)
    assert value(before, TAKEN) == 40
    assert value(before, "belfry_dead_letters_total") == 5
    past.archive()
    assert len(past.rows()) == 1
    never_below(before, scrape(past.app), "archived")
    past.app.packing.rebuild(lambda: None)
    after = scrape(past.app)
    counters = {key: n for key, n in before.items() if key[0].endswith(("_total", "_count"))}
    assert {key: after[key] for key in counters} == counters, "built anew from the archive"
    past.app.jobs._feed.drop()
    past.app.packing.rebuild(lambda: None)
    assert {key: scrape(past.app)[key] for key in counters} == counters, "dropped, and built anew"


def test_a_dropped_index_counts_what_is_in_the_feed_once(engine: Engine) -> None:
    """Jobs are filed more than once; without a directory nobody would know which are packed."""
    lived(engine)
    settle(engine)
    before = scrape(engine.app)
    assert value(before, "belfry_job_feed_jobs")
    assert runs(before) == true_runs(engine.app)
    for _ in range(2):
        engine.app.jobs._feed.drop()
        assert scrape(engine.app) == before, "dropped"
    engine.app.packing.rebuild(lambda: None)
    after = scrape(engine.app)
    never_below(before, after, "built anew")
    assert runs(after) == true_runs(engine.app)


def test_an_index_that_is_built_anew_counts_the_feed_for_those_that_are_not_shown(
    azurite: Azurite,
) -> None:
    engine = make(azurite, environ={"METRICS_SCHEDULES": "1"})
    for _ in range(3):
        engine.add()
    pack(engine.app)
    for _ in range(3):
        engine.later(60)
        engine.tick()
        engine.work()
        settle(engine)
    before = scrape(engine.app)
    engine.app.packing.rebuild(lambda: None)
    after = scrape(engine.app)
    never_below(before, after, "built anew")
    others = {"schedule_id": "_others", "status": "succeeded"}
    assert value(after, "commandcenter_schedule_runs_total", **others) == value(
        before, "commandcenter_schedule_runs_total", **others
    )


def test_lost_blobs_let_no_counter_fall(engine: Engine) -> None:
    lived(engine)
    settle(engine)
    before = scrape(engine.app)
    chunks, feed = engine.app.packing._chunks, engine.app.packing._feed
    chunks.remove(feed.pointer().directory or "")
    chunks._directory = None
    never_below(before, scrape(engine.app), "no directory")
    pack(engine.app)
    never_below(before, scrape(engine.app), "built anew")
