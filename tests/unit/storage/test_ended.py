"""What is remembered of jobs that ended, and of how many."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from shared.schedules.job import Job, Status
from shared.storage.tables import ended
from shared.storage.tables.ended import Ended

AT = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def job(name: str) -> Job:
    return Job(
        id=name,
        schedule_id="s",
        schedule_name="Nightly",
        project_id=1,
        task_type="works",
        status=Status.FAILED,
        due_at=AT,
        attempt=2,
        finished_at=AT,
        worker="w",
        parameters={"deep": "x" * 999},
        result={"much": "x" * 999},
        error="it broke",
        reason="dead letter",
        log="x" * 999,
    )


def test_what_counts_of_a_job_is_remembered_and_what_is_long_is_not() -> None:
    known = Ended()
    known.add([job("a")])
    found = known.among(["a", "b"])
    assert found.keys() == {"a"}
    bare = found["a"]
    assert (bare.log, bare.result, bare.parameters) == ("", None, {})
    told = (bare.status, bare.attempt, bare.finished_at, bare.worker, bare.error, bare.reason)
    assert told == (Status.FAILED, 2, AT, "w", "it broke", "dead letter")


def test_of_more_than_it_keeps_the_first_go() -> None:
    known = Ended()
    known.add(job(f"{number}") for number in range(ended._KEPT))
    known.add([job("one more"), job("another")])
    assert known.among(["0", "1", "2", "one more", "another"]).keys() == {
        *("2", "one more", "another")
    }
    assert len(known._jobs) == ended._KEPT


def test_several_threads_may_use_it_at_once() -> None:
    known, begin = Ended(), threading.Barrier(8)

    def use(thread: int) -> None:
        begin.wait(20)
        for number in range(0, 2000, 10):
            names = [f"{thread}.{number + one}" for one in range(10)]
            known.add(map(job, names))
            assert known.among(names).keys() <= set(names)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(use, range(8)))
    assert len(known._jobs) == ended._KEPT
