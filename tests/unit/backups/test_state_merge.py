"""A schedule of a backup meets itself in the target; the ledger adds up, and stays so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.backups.state.merge import Merged, merged, replaces
from shared.recurrence import Frequency, Recurrence
from shared.schedules.ledger import Span, State, account, expected
from shared.schedules.model import Definition, Policy, Schedule, Version
from shared.schedules.plan import plan

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def schedule(at: datetime, seconds: int = 60) -> Schedule:
    """One that was created then, and never ran."""
    when = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=seconds, start_time=START)
    return Schedule(
        id="s1",
        definition=Definition(name="n", task_type="t", recurrence=when),
        policy=Policy(misfire_grace_seconds=0),
        created_at=at,
        updated_at=at,
    ).rescheduled(at)


def lived(one: Schedule, until: datetime) -> Schedule:
    """What it is after a life in which all was recorded as missed."""
    while one.owes(until):
        one = plan(one, until + timedelta(seconds=1), until).after
    return one


@pytest.mark.parametrize("seconds", [60, 45])
def test_the_same_schedule_later_keeps_what_it_did(seconds: int) -> None:
    backup = lived(schedule(START), START + 5 * MINUTE)
    changed = schedule(START, seconds)
    there = replace(lived(changed, START + 9 * MINUTE), revision=4, updated_at=START + MINUTE)
    now = START + 9 * MINUTE
    made = merged(backup, there, [], now)
    if seconds == 60:
        assert made == Merged()
        return
    assert made.after is not None and made.owed is None and not made.jobs
    assert made.after.definition == backup.definition and made.after.revision == 5
    assert made.after.progress.next_run_at == now + MINUTE
    assert made.after.progress.missed_count == there.progress.missed_count
    assert [(one.revision, one.since, one.reason) for one in made.versions] == [
        (5, now, "restored")
    ]
    assert merged(backup, made.after, made.versions, now + MINUTE / 2) == Merged()


def test_what_is_owed_is_given_up_first() -> None:
    backup, there = schedule(START), schedule(START, 45)
    made = merged(backup, there, [], START + 10 * MINUTE)
    assert made.after is None and made.owed is not None
    assert len(made.jobs) == 13 and not made.owed.owes(START + 10 * MINUTE)


def test_an_earlier_state_or_one_that_never_ran_is_replaced() -> None:
    earlier, later = (lived(schedule(START), START + n * MINUTE) for n in (3, 5))
    assert replaces(later, earlier) and not replaces(earlier, later)
    assert replaces(earlier, schedule(START + 50 * MINUTE))
    assert not replaces(earlier, lived(schedule(START + 50 * MINUTE), START + 55 * MINUTE))


@pytest.mark.parametrize(("minutes", "rows"), [(50, 45), (500, 1)])
def test_two_pasts_add_up(minutes: int, rows: int) -> None:
    backup = lived(schedule(START), START + 5 * MINUTE)
    again = START + minutes * MINUTE
    there = lived(schedule(again), again + 5 * MINUTE)
    old = [Version.of(schedule(START), START, "created")]
    new = [Version.of(schedule(again), again, "created")]
    now = again + 5 * MINUTE
    made = merged(backup, there, new, now)
    assert made.after is not None and made.owed is None
    span = Span(START + 5 * MINUTE, again)
    due = expected([*old, *made.versions], span, 1000)
    found = account(made.after, due, span, made.jobs)
    assert len(made.jobs) == rows
    assert len(due) == minutes - 5 and {one.state for one in found.occurrences} == {State.CANCELLED}
    assert not found.unexpected
    counted = made.after.progress
    assert (counted.missed_count, counted.cancelled_count) == (10, minutes - 5)
    assert made.after.progress.next_run_at == there.progress.next_run_at
    assert merged(backup, made.after, made.versions, now) == Merged()
