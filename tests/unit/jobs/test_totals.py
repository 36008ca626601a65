"""Totals of jobs: what was counted stays counted, each job raises one count, and the shown have
their own."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.chunk import decode, encode, ordered
from shared.jobs.directory import Directory, Section
from shared.jobs.entry import Entry, epoch
from shared.jobs.totals import LASTED, LATE, Figures, Histogram, Totals
from shared.schedules.job import ENDED, Status, job_id
from tests.unit.jobs.test_index import START


def ended(
    number: int, schedule: str = "a", status: Status = Status.SUCCEEDED, project: int | None = 1
) -> Entry:
    due = START + timedelta(minutes=number)
    ran = status in (Status.SUCCEEDED, Status.FAILED)
    return Entry(
        id=job_id(schedule, due),
        status=status,
        task_type="works",
        project_id=project,
        until=epoch(due),
        seconds=number * 7.5 if ran else None,
        began=epoch(due) + 3 if ran else None,
        late=3.0 if ran else None,
    )


jobs = st.lists(
    st.builds(
        ended,
        st.integers(0, 3000),
        st.sampled_from(["a", "b", "c", "d"]),
        st.sampled_from(sorted(ENDED)),
        st.sampled_from([None, 1, 2]),
    ),
    unique_by=lambda entry: entry.id,
    max_size=40,
)


def seen(totals: Totals) -> dict[tuple[object, ...], float]:
    """Every counter that a scrape shows."""
    named: dict[object, Figures] = {
        **{("own", name): totals.schedules[name] for name in totals.shown},
        **{("rest", project): one for project, one in totals.rest.items()},
        **{("task", *key): one for key, one in totals.tasks.items()},
    }
    found: dict[tuple[object, ...], float] = {}
    for key, one in named.items():
        found |= {(key, status): count for status, count in one.ended.items()}
        found |= {(key, at): count for at, count in enumerate(one.lasted.cumulative())}
        found |= {(key, "sum"): one.lasted.total}
    return found | {("late", at): count for at, count in enumerate(totals.late.cumulative())}


def stored(totals: Totals) -> Totals:
    read = Totals.decode(totals.encode())
    assert read == totals
    return read


@given(st.lists(jobs, max_size=6), st.integers(1, 3))
def test_no_count_falls_and_each_job_raises_one(runs: list[list[Entry]], most: int) -> None:
    totals, known = Totals(), set[str]()
    for some in runs:
        fresh = [one for one in some if one.id not in known]
        known |= {one.id for one in fresh}
        before, was = seen(totals), totals
        totals = totals.plus(fresh)
        after = seen(totals)
        assert all(after[key] >= value for key, value in before.items())
        rises: list[float] = [
            value - before.get(key, 0)
            for key, value in after.items()
            if isinstance(key[1], Status) and key[0][0] in ("own", "rest")  # type: ignore[index]
        ]
        assert sum(rises) == len(fresh)
        totals = stored(totals.choosing(most))
        later = seen(totals)
        assert all(later[key] >= value for key, value in after.items() if key in later)
        assert len(totals.shown) == min(most, len(totals.schedules))
        assert was.schedules.keys() <= totals.schedules.keys()


@given(jobs, st.integers(1, 3))
def test_in_parts_or_at_once_they_add_up_to_the_jobs(some: list[Entry], most: int) -> None:
    at_once = Totals().plus(some)
    in_parts = Totals()
    for one in some:
        in_parts = in_parts.plus([one]).choosing(most)
    assert in_parts.schedules.keys() == at_once.schedules.keys()
    truth = Counter((one.schedule_id, one.status) for one in some)
    for totals in (at_once, in_parts):
        found = {
            (name, status): count
            for name, one in totals.schedules.items()
            for status, count in one.ended.items()
        }
        assert found == truth
        assert totals.of(Status.FAILED) == sum(one.status is Status.FAILED for one in some)


@given(jobs, jobs, st.integers(1, 3))
def test_counts_that_are_made_anew_are_never_below(
    some: list[Entry], left: list[Entry], most: int
) -> None:
    """Even if rows of jobs are gone meanwhile."""
    before = Totals().plus(some).anew(None, most)
    after = Totals().plus(left).anew(before, most)
    was, now = seen(before), seen(after)
    assert all(now[key] >= value for key, value in was.items() if key in now)


def test_the_shown_are_those_that_ran_last_and_the_others_are_the_rest() -> None:
    entries = [ended(1, "a"), ended(2, "b"), ended(3, "c", project=2), ended(4, "a")]
    totals = Totals().plus(entries).anew(None, 2)
    assert totals.shown == {"a", "c"}
    assert totals.rest.keys() == {1} and totals.rest[1].ended == {Status.SUCCEEDED: 1}
    later = totals.plus([ended(9, "b")]).choosing(2)
    assert later.shown == {"a", "b"}
    assert later.schedules["b"].ended == {Status.SUCCEEDED: 2}
    assert later.rest[1].ended == {Status.SUCCEEDED: 2}, "as it was counted then"


def test_buckets_hold_their_upper_bound() -> None:
    made = Histogram.of(LASTED)
    for value in (0, 1, 1.01, 7200, 7201, -5):
        made = made.with_value(LASTED, value)
    assert made.cumulative()[0] == 3 and made.cumulative()[1] == 4
    assert made.cumulative()[-2:] == [5, 6]
    assert made.total == pytest.approx(1 + 1.01 + 7200 + 7201)
    assert list(LATE) == sorted(LATE) and list(LASTED) == sorted(LASTED)


@given(jobs, jobs)
def test_a_chunk_says_what_it_lacks(there: list[Entry], more: list[Entry]) -> None:
    chunk = decode(encode(ordered(there)))
    held = {one.id for one in chunk}
    for some in (more, more[:1]):
        alike = [one for one in there if one.id in {it.id for it in some}]
        fresh = [one for one in some if one.id not in {it.id for it in alike}]
        assert chunk.lacks([*fresh, *alike]) == fresh
    assert held == {one.id for one in there}


def test_a_rate_is_from_0_to_1() -> None:
    some = [ended(1), ended(2), ended(3), ended(4, status=Status.FAILED)]
    rate = Totals().plus(some).schedules["a"].success_rate
    assert rate == 0.75
    only = Totals().plus([ended(5, status=Status.MISSED)]).schedules["a"]
    assert only.success_rate is None and only.began is None


def test_rows_of_the_feed_with_and_without_when_it_began() -> None:
    entry = ended(1)
    read = Entry.from_row(entry.row())
    assert (read, read.began, read.late) == (entry, entry.began, 3.0)
    old = Entry.from_row(entry.row()[:7])
    assert (old, old.began, old.late) == (entry, None, None)
    taken = replace(entry, taken_over=2)
    assert Entry.from_row(taken.row()).taken_over == 2
    assert len(entry.row()) == 9, "an older version reads it"


def test_a_directory_names_its_totals() -> None:
    assert Directory.decode(Directory.of([], (), "t").encode()).totals == "t"


def test_a_directory_of_the_version_before_is_read_and_is_to_be_made_anew() -> None:
    entry = ended(1)
    now = Directory.of([Section.of("c", [entry])], ["row"], "t")
    said = json.loads(zlib.decompress(now.encode()))
    ((_, _, _, _, (group,)),) = said["sections"]
    said |= {"version": 1}
    said["sections"][0][4] = [[*group[:4], *group[5:]]]
    old = Directory.decode(zlib.compress(json.dumps(said).encode()))
    assert old.outdated and not Directory.decode(now.encode()).outdated
    assert (old.sections, old.packed, old.totals) == (now.sections, now.packed, "t")


@given(jobs, st.integers(1, 3))
def test_jobs_of_backfills_count_by_task_and_nowhere_else(some: list[Entry], most: int) -> None:
    again = [replace(one, id=f"{one.id}-b3f9k2", late=None) for one in some]
    alone = Totals().plus(some).choosing(most)
    both = stored(Totals().plus([*some, *again]).choosing(most))
    assert seen(both) == seen(alone)
    assert both.backfills == alone.tasks
    failed = sum(one.status is Status.FAILED for one in some)
    assert both.of(Status.FAILED) == 2 * failed


def test_what_was_taken_over_is_counted_and_never_less() -> None:
    some = [replace(ended(number), taken_over=number) for number in range(4)]
    totals = stored(Totals().plus(some))
    assert totals.taken_over == 6
    assert Totals().plus(some[:2]).anew(totals, 5).taken_over == 6
    old = json.loads(zlib.decompress(totals.encode()))
    del old["taken_over"], old["backfills"]
    assert Totals.decode(zlib.compress(json.dumps(old).encode())).taken_over == 0


@pytest.mark.parametrize("content", [b"", b"x"])
def test_what_is_no_blob_of_totals_is_said(content: bytes) -> None:
    with pytest.raises(ValueError, match="no totals"):
        Totals.decode(content)
