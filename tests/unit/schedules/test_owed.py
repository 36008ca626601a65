"""What is owed is parted and counted as if each occurrence were listed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.recurrence import Frequency, Recurrence, occurrences
from shared.schedules.model import Definition, Progress, Schedule
from shared.schedules.owed import Owed, each, latest, owed, parted
from tests.unit.recurrence.strategies import near_changes

EXPRESSIONS = ["* * * * *", "*/20 * * * *", "30 2 * * *", "0-50/10 0-4 * * 0", "0 0 1 * *"]


def schedule(expression: str, zone: str, first: datetime) -> Schedule:
    when = Recurrence(frequency=Frequency.CRON, cron_expression=expression, timezone=zone)
    return Schedule(
        id="n",
        definition=Definition(name="n", task_type="t", recurrence=when),
        progress=Progress(next_run_at=first),
        created_at=first,
        updated_at=first,
    )


def listed(recurrence: Recurrence, some: Owed | None) -> list[datetime]:
    if some is None:
        return []
    due = list(each(recurrence, some))
    assert (due[0], due[-1], len(due)) == (some.first, some.last, some.count)
    return due


@settings(max_examples=200, deadline=None)
@given(
    expression=st.sampled_from(EXPRESSIONS),
    near=near_changes(),
    before=st.integers(0, 3 * 86400),
    length=st.integers(-10, 6 * 86400),
    cut=st.integers(-100, 7 * 86400),
    most=st.integers(1, 200),
)
def test_each_part_has_what_lies_in_it(
    expression: str, near: tuple[str, datetime], before: int, length: int, cut: int, most: int
) -> None:
    zone, at = near
    first = (at - timedelta(seconds=before)).replace(microsecond=0)
    one = schedule(expression, zone, first)
    recurrence = one.definition.recurrence
    until = first + timedelta(seconds=length)
    due = [] if until < first else [first, *occurrences(recurrence, first, until)]
    found = owed(one, until)
    assert listed(recurrence, found) == due
    if found is None:
        return
    assert latest(recurrence, found, most) == due[-most:]
    border = first + timedelta(seconds=cut)
    early, late = parted(recurrence, found, border)
    assert listed(recurrence, early) == [one for one in due if one < border]
    assert listed(recurrence, late) == [one for one in due if one >= border]


def test_a_schedule_that_has_none_to_come_owes_nothing() -> None:
    at = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
    one = schedule("* * * * *", "UTC", at)
    assert owed(replace(one, progress=Progress(next_run_at=None)), at) is None
    assert owed(one, at - timedelta(seconds=1)) is None
