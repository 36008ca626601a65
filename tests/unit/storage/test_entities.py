"""What is stored of jobs is read again, also from rows that an earlier version wrote."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.recurrence import Frequency, Recurrence, next_run
from shared.schedules import record
from shared.schedules.job import Job, Status
from shared.schedules.model import Definition, LiveJob, Progress, Schedule, Version
from shared.schedules.spent import Spent
from shared.storage.tables import entities
from tests.spans import CALLER

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIVE = LiveJob(
    id="n-20260301T120000Z",
    due_at=START,
    available_at=START,
    jitter=7,
    attempt=1,
    started_at=START + timedelta(seconds=8, microseconds=5),
    first_started_at=START + timedelta(seconds=8, microseconds=5),
    worker="w",
    lease_until=START + timedelta(seconds=68),
)
AGAIN = replace(LIVE, attempt=2, started_at=START + timedelta(seconds=90), error="boom")


def schedule(*live: LiveJob) -> Schedule:
    return Schedule(
        id="n",
        definition=Definition(
            name="n", task_type="t", recurrence=Recurrence(frequency=Frequency.HOURLY)
        ),
        progress=Progress(live=live),
        created_at=START,
        updated_at=START,
    )


def row(one: Schedule) -> dict[str, Any]:
    properties = entities.user_properties(one) | entities.engine_properties(one.progress)
    return {"RowKey": entities.schedule_key(one.id), **properties}


def read(row: dict[str, Any]) -> tuple[LiveJob, ...]:
    return entities.to_schedule(row, "").progress.live


def job(live: LiveJob) -> Job:
    over = START + timedelta(hours=1)
    return record.ended_live(schedule(live), live, Status.SUCCEEDED, over, "done")


@pytest.mark.parametrize(
    "live",
    [
        LIVE,
        AGAIN,
        replace(LIVE, attempt=0, worker=None, lease_until=None),
        replace(AGAIN, spent=Spent(gb_seconds=0.000125, table_requests=7, blob_requests=0)),
        replace(LIVE, started_at=START + timedelta(seconds=90)),
        LiveJob(id=LIVE.id, due_at=START, available_at=START),
        replace(LIVE, trace=CALLER),
    ],
    ids=["running", "again", "given back", "after another", "begun again", "waiting", "traced"],
)
def test_a_live_job_and_the_row_of_its_end_are_read_as_they_were_written(live: LiveJob) -> None:
    assert read(row(schedule(live))) == (live,)
    assert entities.to_job(entities.job_properties(job(live))) == job(live)


def without(stored: dict[str, Any]) -> dict[str, Any]:
    """As an earlier version wrote it."""
    return {name: value for name, value in stored.items() if name != "first_started_at"}


def old_live(live: LiveJob) -> dict[str, Any]:
    """Its schedule's row, likewise."""
    item = {
        "id": live.id,
        "due_at": "2026-03-01T12:00:00+00:00",
        "available_at": "2026-03-01T12:00:00+00:00",
        "jitter": 7,
        "attempt": live.attempt,
        "started_at": live.started_at and live.started_at.isoformat(),
        "worker": "w",
        "lease_until": "2026-03-01T12:01:08+00:00",
    }
    return row(schedule()) | {"live": json.dumps([item])}


def test_of_an_earlier_row_with_one_attempt_that_is_the_first() -> None:
    assert read(old_live(LIVE)) == (LIVE,)
    assert entities.to_job(without(entities.job_properties(job(LIVE)))) == job(LIVE)


def test_of_an_earlier_row_with_more_the_first_start_is_not_known() -> None:
    (live,) = read(old_live(AGAIN))
    assert (live.started_at, live.first_started_at) == (AGAIN.started_at, None)
    ended = entities.to_job(without(entities.job_properties(job(AGAIN))))
    assert ended == replace(job(AGAIN), first_started_at=None)
    assert ended.lateness_seconds is None


def test_of_an_earlier_row_it_is_not_known_what_the_job_used() -> None:
    used = Spent(gb_seconds=1.25, table_requests=3, blob_requests=2, transfer_bytes=5_000_000_000)
    ended = replace(job(LIVE), spent=used)
    stored = entities.job_properties(ended)
    assert entities.to_job(stored) == ended
    (live,) = read(row(schedule(replace(LIVE, spent=used))))
    assert live.spent == used
    before = {name: value for name, value in stored.items() if name != "transfer_bytes"}
    assert entities.to_job(before).spent == replace(used, transfer_bytes=0)
    old = {"gb_seconds", "table_requests", "blob_requests", "transfer_bytes"}
    earlier = {name: value for name, value in stored.items() if name not in old}
    assert earlier == entities.job_properties(job(LIVE))
    assert entities.to_job(earlier).spent is None


def test_a_live_job_of_a_later_version_can_be_read() -> None:
    item = json.loads(row(schedule(LIVE))["live"])[0] | {"colour": "red"}
    assert read(row(schedule()) | {"live": json.dumps([item])}) == (LIVE,)


def test_a_step_that_would_be_refused_now_is_still_read() -> None:
    stored = row(schedule()) | {"frequency": "cron", "cron_expression": "*/99 * * * *"}
    kept = entities.to_schedule(stored, "").definition.recurrence
    assert next_run(kept, START) == START + timedelta(hours=1)
    version = Version(schedule_id="n", revision=1, since=START, recurrence=kept, reason="created")
    assert entities.to_version(entities.version_properties(version)) == version


def test_a_hundred_live_jobs_fit_into_their_row() -> None:
    name = "s0123456789a-20260301T120000Z-k3f9k3f9k3fr12"
    at = START + timedelta(microseconds=123_456)
    worst = LiveJob(
        id=name,
        due_at=START,
        available_at=at,
        jitter=86_400,
        attempt=19,
        started_at=at,
        first_started_at=at - timedelta(microseconds=1),
        worker="0123456789abcdef",
        lease_until=at,
        error="e" * 4000,
        cancel="c" * 4000,
        spent=Spent(
            gb_seconds=28_800.123456,
            table_requests=9_999_999,
            blob_requests=9_999_999,
            transfer_bytes=999_999_999_999,
        ),
        trace=CALLER,
    )
    stored = row(schedule(*[worst] * 100))["live"]
    assert len(stored) <= entities._ROOM
    assert {one.trace for one in read(row(schedule(*[worst] * 100)))} == {None}, "the first to go"
    assert {one.trace for one in read(row(schedule(worst)))} == {CALLER}


KINDS = [
    Recurrence(frequency=Frequency.CRON, cron_expression="@daily", timezone="Europe/Berlin"),
    Recurrence(
        frequency=Frequency.CRON,
        cron_expressions=("0 9 * * 5L", "30 6 LW * *"),
        exclude_cron_expressions=("* * 24-26 12 *",),
        timezone="Europe/Berlin",
    ),
    Recurrence(
        frequency=Frequency.RRULE,
        rrule="FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;COUNT=10",
        start_local=datetime(2026, 3, 3, 9),
        exclude_cron_expressions=("* * * 8 *",),
        timezone="America/New_York",
    ),
    Recurrence(frequency=Frequency.RRULE, rrule="FREQ=DAILY;UNTIL=20300101", start_time=START),
    Recurrence(
        frequency=Frequency.ONCE,
        start_local=datetime(2027, 3, 28, 2, 30),
        timezone="Europe/Berlin",
    ),
    Recurrence(frequency=Frequency.INTERVAL, interval_seconds=60, start_time=START),
]


@pytest.mark.parametrize("when", KINDS, ids=lambda when: when.text)
def test_each_kind_of_recurrence_is_read_as_it_was_written(when: Recurrence) -> None:
    one = schedule()
    one = replace(one, definition=replace(one.definition, recurrence=when))
    stored = json.loads(json.dumps(row(one)))
    assert entities.to_schedule(stored, "").definition.recurrence == when
    version = Version(schedule_id="n", revision=1, since=START, recurrence=when, reason="created")
    assert entities.to_version(entities.version_properties(version)) == version


def test_a_row_of_an_earlier_version_knows_no_further_kinds() -> None:
    stored = row(schedule())
    assert stored.pop("when") == ""
    kept = entities.to_schedule(stored, "").definition.recurrence
    assert kept == Recurrence(frequency=Frequency.HOURLY)
