"""A series counts runs as a schedule's statistics do, and adds up what results say."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.schedules.fold import count
from shared.schedules.job import RAN, Job, Status, job_id
from shared.schedules.model import Progress
from shared.schedules.series import MOST_NAMES, Bucket, Ran, Series, flattened

START = datetime(2026, 11, 1, tzinfo=UTC)
ENDS = [one for one in Status if one not in (Status.QUEUED, Status.RUNNING)]


def ran(minutes: float = 0, status: Status = Status.SUCCEEDED, **more: Any) -> Ran:
    due_at = START + timedelta(minutes=minutes)
    return Ran(job_id=job_id("n", due_at), due_at=due_at, status=status, **more)


def series(*jobs: Ran, bucket: Bucket = Bucket.DAY) -> Series:
    made = Series(bucket)
    for job in jobs:
        made.add(job)
    return made


@pytest.mark.parametrize(
    ("result", "metrics"),
    [
        ({"sent": 3, "rate": 0.5}, {"sent": 3, "rate": 0.5}),
        ({"fees": {"EUR": 5, "USD": {"cents": 7}}}, {"fees.EUR": 5, "fees.USD.cents": 7}),
        ({"done": True, "name": "7", "none": None, "list": [1, {"a": 1}]}, {}),
        ({"a": math.nan, "b": math.inf, "c": 10**400, "d": -(2**70)}, {}),
        ({"x" * 201: 1, "y" * 200: 1}, {"y" * 200: 1}),
    ],
)
def test_each_number_of_a_result_is_a_metric(result: Any, metrics: dict[str, float]) -> None:
    assert flattened(result) == metrics


def test_a_result_that_is_very_deep_is_cut() -> None:
    deep: dict[str, Any] = {"n": 1}
    for _ in range(99):
        deep = {"n": deep}
    assert flattened(deep) == {}


@given(st.lists(st.sampled_from(ENDS), max_size=40))
def test_success_is_what_a_schedules_statistics_say(ends: list[Status]) -> None:
    made = series(*(ran(n, end) for n, end in enumerate(ends)))
    jobs = [
        Job(
            id=job_id("n", START + timedelta(minutes=n)),
            schedule_id="n",
            schedule_name="",
            project_id=None,
            task_type="n",
            status=end,
            due_at=START,
        )
        for n, end in enumerate(ends)
    ]
    progress = count(Progress(), jobs)
    assert made.whole.runs == progress.run_count
    assert made.whole.success_rate == progress.success_rate
    assert made.whole.counts[Status.MISSED] == progress.missed_count
    failed = sum(end is Status.FAILED for end in ends)
    assert (made.whole.error_rate is None) is (made.whole.runs == 0)
    assert made.whole.runs == 0 or made.whole.error_rate == round(100 * failed / made.whole.runs, 1)


@given(st.lists(st.integers(0, 3 * 24 * 60), max_size=60), st.sampled_from([*Bucket]))
def test_the_buckets_add_up_to_the_whole(minutes: list[int], bucket: Bucket) -> None:
    jobs = [ran(n, metrics={"n": n}, duration_seconds=float(n)) for n in minutes]
    made = series(*jobs, bucket=bucket)
    points = list(made)
    assert sum(one.runs for _, one in points) == made.whole.runs == len(minutes)
    assert [at for at, _ in points] == sorted(at for at, _ in points)
    summed = sum(one.metrics["n"].sum for _, one in points)
    assert summed == sum(minutes)
    if minutes:
        assert made.whole.metrics["n"].sum == summed
        assert made.whole.metrics["n"].min == min(minutes)
        assert made.whole.metrics["n"].max == max(minutes)


@given(st.lists(st.floats(0, 7200), min_size=1, max_size=300))
def test_percentiles_are_durations_of_runs(found: list[float]) -> None:
    duration = series(*(ran(duration_seconds=one) for one in found)).whole.duration
    assert duration is not None
    assert {duration.p50, duration.p95, duration.max} <= set(found)
    assert sum(one <= duration.p50 for one in found) * 2 >= len(found)
    assert sum(one <= duration.p95 for one in found) * 100 >= len(found) * 95
    assert sum(one < duration.p95 for one in found) * 100 < len(found) * 95
    assert duration.mean == pytest.approx(statistics.fmean(found), abs=1e-5)


def test_hours_and_days_are_utcs() -> None:
    at = datetime.fromisoformat("2026-11-01T01:59:00+02:00")
    job = Ran(job_id="a", due_at=at, status=Status.FAILED)
    ((hour, _),) = series(job, bucket=Bucket.HOUR)
    ((day, _),) = series(job)
    assert (hour, day) == (START - timedelta(hours=1), START - timedelta(days=1))


def test_of_a_stretch_each_occurrence_counts_and_it_is_no_run() -> None:
    made = series(ran(0, Status.MISSED, count=7, metrics={"n": 1}), ran(1), bucket=Bucket.RUN)
    assert made.whole.counts[Status.MISSED] == 7 and made.whole.runs == 1
    assert made.whole.metrics == {}
    assert [one.job_id for _, one in made] == [ran(1).job_id]


def test_two_runs_of_one_instant_are_two_items() -> None:
    other = replace(ran(), job_id="other")
    assert len(list(series(ran(), other, bucket=Bucket.RUN))) == 2


def test_names_without_end_are_left_out_and_named() -> None:
    made = series(*(ran(n, metrics={f"tenant.{n}": n}) for n in range(3 * MOST_NAMES)))
    assert len(made.whole.metrics) == len(made.left_out) == MOST_NAMES
    assert made.whole.runs == 3 * MOST_NAMES
    assert not made.left_out & made.whole.metrics.keys()


def test_what_ran_is_what_is_counted_as_run_everywhere() -> None:
    assert {status for status in ENDS if series(ran(0, status)).whole.runs} == RAN
