"""Which databases are known to be gone: those that a plan's newest whole run did not find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.backups.jobs.result import fitting
from shared.backups.record import NAME
from shared.backups.status.discovered import Runs
from shared.backups.status.plans import Planned, standings
from shared.backups.status.recovery import Standing
from shared.backups.store.entries import Backup
from shared.schedules.job import Job, Status
from tests.unit.backups.test_plans import found, no_job, plan, taken
from tests.unit.backups.test_standing import NIGHT, NOW

DAY = timedelta(days=1)
ALL = plan("p", databases="all")


def run(
    nights_ago: int,
    *databases: str,
    source: str = "postgres",
    status: Status = Status.SUCCEEDED,
    of: Planned = ALL,
    **result: Any,
) -> Job:
    """A run at 03:00 that took those; its id is `night0` for the last."""
    due = NIGHT - nights_ago * DAY
    done: dict[str, Any] = {
        "backups": [{"source": source, "database": one} for one in databases],
        "removed": [],
        "databases": {source: list(databases)},
    }
    return Job(
        id=f"night{nights_ago}",
        schedule_id=of.id,
        schedule_name="",
        project_id=None,
        task_type="backup",
        status=status,
        due_at=due,
        started_at=due,
        parameters=of.schedule.definition.task_parameters,
        result=done | result,
    )


def nights(database: str, *ago: int) -> list[Backup]:
    """Its backups by the jobs of those nights."""
    return [taken("p", 6 + 24 * n, database=database, job_id=f"night{n}") for n in ago]


class History:
    """Jobs as they are kept, and which were asked for."""

    def __init__(self, *jobs: Job) -> None:
        self._jobs = {job.id: job for job in jobs}
        self.asked: list[str] = []

    def __call__(self, job_id: str) -> Job:
        self.asked.append(job_id)
        return self._jobs.get(job_id) or no_job(job_id)


def stands(
    backups: Sequence[Backup], history: History, *, of: Planned = ALL, now: datetime = NOW
) -> dict[str, Standing]:
    sources = ["postgres", "other", "state"]
    each = standings(of, found(*backups), sources, now, Runs(history))
    return {one.database: one for one in each}


def seen(backups: Sequence[Backup], *jobs: Job, of: Planned = ALL) -> dict[str, str]:
    """Of each database: fresh, late or gone."""
    each = stands(backups, History(*jobs), of=of)
    return {
        name: "gone" if one.gone_at else "late" if one.too_old else "fresh"
        for name, one in each.items()
    }


TWO = [*nights("shop", 0, 1, 2), *nights("old", 1, 2)]
"""`old` was taken until the night before the last."""


def test_one_that_the_newest_run_did_not_find_is_gone_and_not_late() -> None:
    found = stands(TWO, History(run(0, "shop"), run(1, "shop", "old")))
    old, shop = found["old"], found["shop"]
    assert (old.gone_at, old.too_old, old.expected_by) == (NIGHT, False, None)
    assert old.sentence == (
        "You can be back to yesterday 03:00 in 2 min 14 s, proved 30 h ago; old was not found in "
        "postgres any more (03:00), and this is its last backup"
    ).replace("30 h", "1 day")
    assert shop.gone_at is None and "found" not in shop.sentence


def test_it_is_back_when_a_run_takes_it_again() -> None:
    back = [*nights("shop", 0, 1, 2), *nights("old", 0, 2)]
    assert seen(back, run(0, "shop", "old"), run(1, "shop")) == {"shop": "fresh", "old": "fresh"}


def test_a_run_that_failed_says_nothing_and_the_one_before_it_does() -> None:
    """A database that cannot be dumped is no reason to call it gone, nor to forget that another
    is."""
    failed = run(0, status=Status.FAILED)
    assert seen(TWO, failed, run(1, "shop", "old")) == {"shop": "fresh", "old": "late"}
    backups = [*nights("shop", 0, 1, 2), *nights("old", 2), *nights("sick", 1)]
    assert seen(backups, failed, run(1, "shop", "sick")) == {
        "shop": "fresh",
        "old": "gone",
        "sick": "late",
    }


@pytest.mark.parametrize("status", [Status.RUNNING, Status.CANCELLED, Status.MISSED])
def test_a_run_that_has_not_succeeded_says_nothing(status: Status) -> None:
    assert seen(TWO, run(0, status=status), run(1, "shop", "old"))["old"] == "late"


def test_where_the_history_is_lost_it_is_late() -> None:
    assert seen(TWO) == {"shop": "fresh", "old": "late"}


def test_one_that_was_taken_and_deleted_by_hand_is_not_gone() -> None:
    assert seen(TWO, run(0, "shop", "old"))["old"] == "late"


def test_one_that_the_run_left_out_since_it_was_taken_just_before_is_not_gone() -> None:
    both = {"postgres": ["shop", "old"]}
    assert seen(TWO, run(0, "shop", databases=both))["old"] == "late"


def test_of_a_server_of_which_it_took_nothing_a_run_says_nothing() -> None:
    """Such as one that the settings did not have then. What an earlier one said of it holds."""
    every = plan("p", source="all", databases="all")
    elsewhere = [
        Backup(replace(one.summary, source="other"), one.copies) for one in nights("x", 0, 1, 2)
    ]
    there = [*nights("shop", 1, 2), *nights("old", 2), *elsewhere]
    newest, before = run(0, "x", source="other", of=every), run(1, "shop", of=every)
    found = seen(there, newest, before, of=every)
    assert (found["x"], found["shop"], found["old"]) == ("fresh", "late", "gone")


def test_a_run_of_the_plan_as_it_was_before_says_nothing() -> None:
    for before in (
        plan("p", databases=["shop"]),
        plan("p", databases="all", schemas=["x"]),
        replace(ALL, schedule=replace(ALL.schedule, id="p")),
    ):
        job = run(0, "shop", of=before)
        if before.plan == ALL.plan:
            job = replace(job, parameters={"colour": "red"})
        assert seen(TWO, job)["old"] == "late", before


def test_a_plan_that_names_its_databases_misses_each() -> None:
    named = plan("p", databases=["shop", "old"])
    assert seen(TWO, run(0, "shop", of=named), of=named)["old"] == "late"


def test_of_very_many_all_are_recorded_though_the_lists_for_people_are_cut() -> None:
    names = [f"tenant_{n:03}" for n in range(400)]
    whole = run(0, *names)
    assert whole.result is not None
    people = {name: value for name, value in whole.result.items() if name != NAME}
    job = replace(whole, result=fitting(people, 8_000) | {NAME: whole.result[NAME]})
    assert job.result is not None and "left_out" in job.result
    lie = [*(one for name in names for one in nights(name, 0)), *nights("old", 1)]
    assert [name for name, how in seen(lie, job).items() if how != "fresh"] == ["old"]
    fewer = [one for one in lie if one.summary.database != names[-1]] + nights(names[-1], 1)
    late = seen(fewer, job)
    assert (late["old"], late[names[-1]]) == ("gone", "late"), "it was found, and deleted since"


@pytest.mark.parametrize(
    "result",
    [{}, {"databases": 3}, {"databases": {"postgres": 3}}, {"databases": {"postgres": [3]}}],
)
def test_a_result_that_somebody_garbled_says_nothing(result: Any) -> None:
    job = replace(run(0, "shop"), result=result)
    assert seen(TWO, job, run(1, "shop", "old")) == {"shop": "fresh", "old": "late"}


def test_what_a_later_run_took_an_earlier_one_does_not_call_gone() -> None:
    backups = [*nights("shop", 0, 1), *nights("new", 0), *nights("old", 2)]
    jobs = run(0, status=Status.FAILED), run(1, "shop")
    assert seen(backups, *jobs) == {"shop": "fresh", "new": "fresh", "old": "gone"}


def test_the_future_of_a_wrong_clock_hides_no_run() -> None:
    """Else nothing would be known to be gone for years, or all that came since would be."""
    ahead = taken("p", -9000, job_id="night-400")
    jobs = run(-400, "shop"), run(0, "shop", "new"), run(1, "shop", "old")
    backups = [ahead, *TWO, *nights("new", 0)]
    assert seen(backups, *jobs)["old"] == "gone"
    assert seen(backups, *jobs)["new"] == "fresh"


def test_where_none_succeeded_for_very_long_not_all_that_failed_are_read() -> None:
    failed = [run(n, status=Status.FAILED) for n in range(150)]
    history = History(*failed, run(150, "shop"))
    backups = [*nights("shop", *range(151)), *nights("old", 151)]
    assert stands(backups, history)["old"].gone_at is None
    assert history.asked == [f"night{n}" for n in range(100)]


def test_a_job_is_read_once_and_none_while_all_databases_have_the_same_last() -> None:
    history = History(run(0, status=Status.FAILED), run(1, status=Status.RUNNING), run(2, "shop"))
    runs = Runs(history)
    same = [*nights("shop", 0, 1), *nights("old", 0, 1)]
    list(standings(ALL, found(*same), ["postgres"], NOW, runs))
    assert history.asked == []
    late = [*nights("shop", 0, 1, 2), *nights("old", 3)]
    for asked in (["night0", "night1", "night2"], ["night1"]):  # what has not ended may yet
        history.asked.clear()
        (old,) = (
            one
            for one in standings(ALL, found(*late), ["postgres"], NOW, runs)
            if one.database == "old"
        )
        assert old.gone_at == NIGHT - 2 * DAY
        assert history.asked == asked


def test_no_job_from_before_the_last_backup_of_all_is_read() -> None:
    history = History()
    long = [*nights("shop", *range(300)), *nights("old", 3)]
    stands(long, history)
    assert history.asked == ["night0", "night1", "night2"]
