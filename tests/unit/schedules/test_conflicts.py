"""Meetings and busy minutes, against brute force; and that their work is bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.recurrence import (
    Calendar,
    CalendarRule,
    DayOff,
    Frequency,
    Observance,
    Recurrence,
    occurrences,
)
from shared.schedules import conflicts
from shared.schedules.busy import busiest
from shared.schedules.conflicts import Shared, Works
from shared.schedules.job import job_id
from shared.schedules.model import Definition, Policy, Schedule
from shared.schedules.plan import jitter_of

NOW = datetime(2026, 3, 27, 23, 30, tzinfo=UTC)
END = NOW + timedelta(days=3)
TASK = frozenset({Shared("task", "works")})
CRONS = ("0 * * * *", "30 2 * * *", "*/20 3 * * *", "5 4 28 * *", "0 2,3 * * *")


def made(number: int, recurrence: Recurrence, jitter: int = 0) -> Schedule:
    return Schedule(
        id=f"s{number}",
        definition=Definition(name=f"n{number}", task_type="works", recurrence=recurrence),
        policy=Policy(jitter_seconds=jitter),
        created_at=NOW,
        updated_at=NOW,
    )


def cron(expression: str) -> Recurrence:
    zone = "Europe/Berlin"
    return Recurrence(frequency=Frequency.CRON, cron_expression=expression, timezone=zone)


@st.composite
def _works(draw: st.DrawFn) -> list[Works]:
    one = st.tuples(
        st.sampled_from(CRONS),
        st.sampled_from([1.0, 300.0, 1800.0, 7000.0]),
        st.sampled_from([0, 0, 900]),
        st.frozensets(st.sampled_from(["a", "b"]), max_size=2),
    )
    drawn = draw(st.lists(one, min_size=2, max_size=6))
    return [
        Works(
            schedule=made(number, cron(text), jitter),
            seconds=seconds,
            learned=True,
            uses=frozenset(Shared("source", name) for name in names),
        )
        for number, (text, seconds, jitter, names) in enumerate(drawn)
    ]


def spans(works: Works) -> Iterator[tuple[datetime, datetime]]:
    recurrence = works.schedule.definition.recurrence
    for at in occurrences(recurrence, NOW - timedelta(days=2), END):
        jitter = jitter_of(works.schedule, job_id(works.schedule.id, at))
        begin = at + timedelta(seconds=jitter)
        yield begin, begin + timedelta(seconds=works.seconds)


def brute(works: list[Works]) -> dict[tuple[str, str], tuple[int, datetime]]:
    found: dict[tuple[str, str], tuple[int, datetime]] = {}
    for one, other in combinations(works, 2):
        if not one.uses & other.uses:
            continue
        meets = [
            max(a, c, NOW)
            for a, b in spans(one)
            for c, d in spans(other)
            if max(a, c, NOW) < min(b, d) and max(a, c) < END
        ]
        if meets:
            found[one.schedule.id, other.schedule.id] = len(meets), min(meets)
    return found


@settings(max_examples=40, deadline=None)
@given(_works())
def test_meetings_are_those_of_brute_force(works: list[Works]) -> None:
    met = conflicts.meetings(works, conflicts.walked(works, NOW, END), NOW, END)
    assert met.complete and not met.cut
    found = {
        (one.one.schedule.id, one.other.schedule.id): (one.times, one.first_at)
        for one in met.meetings
    }
    assert found == brute(works)
    for one in met.meetings:
        assert set(one.shares) == one.one.uses & one.other.uses


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(CRONS), min_size=1, max_size=6))
def test_the_busiest_minutes_are_those_of_brute_force(texts: list[str]) -> None:
    schedules = [made(number, cron(text)) for number, text in enumerate(texts)]
    counts = Counter(
        at for one in schedules for at in occurrences(one.definition.recurrence, NOW, END)
    )
    expected = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:10]
    works = [Works(schedule=one, seconds=60, learned=False, uses=TASK) for one in schedules]
    found = busiest(schedules, conflicts.walked(works, NOW, END), NOW)
    assert [(one.at, one.runs) for one in found.minutes] == expected
    assert found.left_out == 0
    for one in found.minutes:
        assert len(one.schedules) == min(5, one.runs)
        for each in one.schedules:
            assert one.at in occurrences(each.definition.recurrence, NOW, END)


def test_thousands_of_schedules_each_minute_are_bounded() -> None:
    """With different recurrences, so that no walk serves two."""
    schedules = [
        made(
            number,
            Recurrence(
                frequency=Frequency.INTERVAL,
                interval_seconds=60,
                start_time=NOW - timedelta(seconds=number),
            ),
        )
        for number in range(5000)
    ]
    works = [Works(schedule=one, seconds=600, learned=False, uses=TASK) for one in schedules]
    week = NOW + timedelta(days=7)
    runs = conflicts.walked(works, NOW, week)
    assert sum(len(due) for due, _ in runs.values()) <= 2 * conflicts.MOST_RUNS
    met = conflicts.meetings(works, runs, NOW, week)
    assert not met.complete
    assert len(met.meetings) <= conflicts.MOST_MEETINGS
    assert len(met.cut) == 5000
    assert busiest(schedules, runs, NOW).left_out == 5000


def test_what_others_do_not_need_is_for_those_that_come_often() -> None:
    """A company's thirty daily tasks do not cut one that runs every five minutes."""
    often = made(0, Recurrence(frequency=Frequency.INTERVAL, interval_seconds=300))
    schedules = [often, *(made(number, cron(f"{number} 3 * * *")) for number in range(1, 33))]
    works = [Works(schedule=one, seconds=60, learned=False, uses=TASK) for one in schedules]
    week = NOW + timedelta(days=7)
    runs = conflicts.walked(works, NOW, week)
    assert len(runs[often.definition.recurrence][0]) == 1 + 7 * 288
    assert conflicts.meetings(works, runs, NOW, week).complete


def test_a_schedule_each_second_that_lasts_does_not_take_all_the_time() -> None:
    """Its own runs that overlap are steps as well."""
    each = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=1)
    works = [
        Works(schedule=made(number, each), seconds=7200, learned=False, uses=TASK)
        for number in range(2)
    ]
    week = NOW + timedelta(days=7)
    met = conflicts.meetings(works, conflicts.walked(works, NOW, week), NOW, week)
    assert [one.times > 0 for one in met.meetings] == [True]
    assert not met.complete


def test_runs_that_calendars_move_are_seen_whole_or_not_at_all() -> None:
    """Every seven seconds, and moved: one day would be ten thousand runs to place."""
    off = tuple(DayOff((NOW + timedelta(days=day)).date(), "x") for day in range(3))
    own = Calendar(id="c1", name="own", version=1, days=off)
    moved = Observance(rule=CalendarRule.NEXT, calendars=(own,))
    often = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=7, calendar=moved)
    works = [
        Works(schedule=made(number, often), seconds=60, learned=False, uses=TASK)
        for number in range(2)
    ]
    runs = conflicts.walked(works, NOW, END)
    assert runs == {often: ((), False)}
    met = conflicts.meetings(works, runs, NOW, END)
    assert (met.meetings, met.cut, met.complete) == ((), frozenset({"s0", "s1"}), False)


def test_thousands_of_one_recurrence_are_bounded() -> None:
    """All share one walk, but not its whole length each."""
    schedules = [made(number, cron("* * * * *")) for number in range(5000)]
    works = [Works(schedule=one, seconds=600, learned=False, uses=TASK) for one in schedules]
    week = NOW + timedelta(days=7)
    met = conflicts.meetings(works, conflicts.walked(works, NOW, week), NOW, week)
    assert not met.complete and len(met.cut) == 5000
