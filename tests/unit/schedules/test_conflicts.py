"""Meetings and busy minutes, against brute force; and that their work is bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.recurrence import Frequency, Recurrence, occurrences
from shared.schedules import conflicts
from shared.schedules.busy import busiest
from shared.schedules.conflicts import Shared, Works
from shared.schedules.job import job_id
from shared.schedules.model import Definition, Policy, Schedule
from shared.schedules.plan import jitter_of

NOW = datetime(2026, 3, 27, 23, 30, tzinfo=UTC)
END = NOW + timedelta(days=3)
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
    met = conflicts.meetings(works, NOW, END)
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
    found = busiest(schedules, NOW, END)
    assert [(one.at, one.runs) for one in found.minutes] == expected
    assert found.left_out == 0
    for one in found.minutes:
        assert len(one.schedules) == min(5, one.runs)
        for each in one.schedules:
            assert one.at in occurrences(each.definition.recurrence, NOW, END)


def test_thousands_of_schedules_each_minute_are_bounded() -> None:
    """With different recurrences, so that no walk serves two."""
    task = frozenset({Shared("task", "works")})
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
    works = [Works(schedule=one, seconds=600, learned=False, uses=task) for one in schedules]
    week = NOW + timedelta(days=7)
    runs = conflicts.walked((one.definition.recurrence for one in schedules), NOW, week)
    assert sum(len(due) for due, _ in runs.values()) <= 2 * conflicts.MOST_RUNS
    met = conflicts.meetings(works, NOW, week)
    assert not met.complete
    assert len(met.meetings) <= conflicts.MOST_MEETINGS
    assert len(met.cut) == 5000
    assert busiest(schedules, NOW, week).left_out == 5000


def test_a_schedule_each_second_that_lasts_does_not_take_all_the_time() -> None:
    """Its own runs that overlap are steps as well."""
    each = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=1)
    task = frozenset({Shared("task", "works")})
    works = [
        Works(schedule=made(number, each), seconds=7200, learned=False, uses=task)
        for number in range(2)
    ]
    met = conflicts.meetings(works, NOW, NOW + timedelta(days=7))
    assert [one.times > 0 for one in met.meetings] == [True]
    assert not met.complete
