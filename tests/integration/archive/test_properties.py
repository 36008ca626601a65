"""Whatever happened, and wherever the archive's runs were killed: readers see the same before,
during and after."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from local.azurite import Azurite
from shared.schedules.job import Job, Status, retry_id
from shared.schedules.model import Schedule
from tests.dying import Dying, Killed
from tests.integration.archive.past import DAY, HOUR, Past, lines, made, run, seen
from tests.integration.engine.conftest import START, make

STEP = 6 * HOUR


@dataclass(frozen=True)
class Chapter:
    """What became of some occurrences in a row."""

    status: Status
    length: int
    late: int
    """Days after which they ended."""
    more: str
    """Who asked for one more job at the last of them; `r1` repeats it."""


CHAPTERS = st.lists(
    st.builds(
        Chapter,
        st.sampled_from([Status.SUCCEEDED, Status.FAILED, Status.MISSED, Status.SKIPPED]),
        st.integers(1, 24),
        st.sampled_from([0, 0, 0, 3, 35]),
        st.sampled_from(["", "", "byhand1", "r1"]),
    ),
    min_size=1,
    max_size=8,
)


def told(schedule: Schedule, chapters: list[Chapter]) -> list[Job]:
    """The jobs of a schedule, oldest first."""
    jobs: list[Job] = []
    at = START + STEP
    for one in chapters:
        if one.status in (Status.MISSED, Status.SKIPPED):
            last = at + STEP * (one.length - 1)
            ended = last + one.late * DAY
            jobs.append(unrun(schedule, at, last, one.length, one.status, ended))
        else:
            jobs += [
                run(schedule, due, status=one.status, finished_at=due + HOUR + one.late * DAY)
                for due in (at + STEP * number for number in range(one.length))
            ]
        at += STEP * one.length
        if one.more == "byhand1":
            jobs.append(run(schedule, at - STEP, one.more))
        elif one.more and jobs[-1].status is Status.FAILED:
            jobs.append(replace(run(schedule, at - STEP), id=retry_id(jobs[-1].id)))
    return jobs


def unrun(
    schedule: Schedule, at: datetime, last: datetime, count: int, status: Status, ended: datetime
) -> Job:
    """The stretch of occurrences that did not run, or the job of one."""
    made = run(schedule, at, status=status, reason="it was off", started_at=None)
    made = replace(made, first_started_at=None, worker=None, result=None, spent=None, attempt=0)
    one = replace(made, finished_at=ended + HOUR)
    return one if count == 1 else replace(one, count=count, last_due_at=last)


@settings(max_examples=6, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    pasts=st.lists(st.tuples(CHAPTERS, st.integers(0, 3)), min_size=1, max_size=2),
    noted=st.booleans(),
    kills=st.lists(st.tuples(st.integers(1, 30), st.booleans()), max_size=1),
    ages=st.lists(st.integers(20, 60), min_size=1, max_size=2),
)
def test_readers_see_the_same_whatever_happened(
    azurite: Azurite,
    pasts: list[tuple[list[Chapter], int]],
    noted: bool,
    kills: list[tuple[int, bool]],
    ages: list[int],
) -> None:
    past = made(azurite)
    for chapters, uncounted in pasts:
        schedule = past.schedule(6)
        jobs = told(schedule, chapters)
        past.end(*jobs)
        own = [job for job in jobs if not job.manual]
        kept = max(1, len(own) - uncounted)
        past.counted(schedule, own[kept - 1].due_until, *(job.id for job in own[kept:]))
    if not noted:
        past.told()
    clock = past.engine.clock
    for days in sorted(ages):
        clock.set(max(clock.now(), START + timedelta(days=days)))
        until = clock.now()
        before = seen(past, START, until)
        for left, answered in kills:
            dying = Dying(left, answered=answered)
            prefix = past.app.settings.prefix
            try:
                Past(make(azurite, prefix, dying, clock=clock, prepared=True)).archive(10)
            except Killed:
                assert seen(past, START, until) == before
        past.archive(10)
        assert seen(past, START, until) == before
        filed = lines(past)
        assert len(filed) == len(set(filed)) and not set(filed) & past.rows()
        assert set(filed) | past.rows() == set(past.ids)
        assert past.archive(10)["archived"] == 0
