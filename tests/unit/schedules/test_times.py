"""New times that bring no run are refused; a `once` for now runs; what stays is not asked."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.recurrence import (
    Calendar,
    CalendarRule,
    DayOff,
    Frequency,
    InvalidRecurrence,
    Observance,
    Recurrence,
    next_run,
)
from shared.schedules.times import SLACK, accepted

NOW = datetime(2026, 3, 1, 12, 0, 5, 250_000, tzinfo=UTC)
SOON = datetime(2026, 3, 1, 12, 0, 6, tzinfo=UTC)
DAY = timedelta(days=1)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def once(start: datetime, end: datetime | None = None) -> Recurrence:
    return Recurrence(frequency=Frequency.ONCE, start_time=start, end_time=end)


def daily(start: datetime | None = None, end: datetime | None = None) -> Recurrence:
    return Recurrence(frequency=Frequency.DAILY, start_time=start, end_time=end)


def leap(start: datetime | None = None, end: datetime | None = None) -> Recurrence:
    """Each 29th of February."""
    cron = "0 0 29 2 *"
    return Recurrence(
        frequency=Frequency.CRON, cron_expression=cron, start_time=start, end_time=end
    )


def take(wanted: Recurrence, present: Recurrence | None = None, now: datetime = NOW) -> Recurrence:
    return accepted(wanted, present, now, now)


@pytest.mark.parametrize(
    ("wanted", "field", "words"),
    [
        (
            once(at(-31)),
            "start_time",
            "'once' runs at it, and 2026-03-01T11:59:34.250000Z has passed: it is "
            "2026-03-01T12:00:05Z now; give a time to come",
        ),
        (
            once(datetime(2026, 1, 31, 9, tzinfo=timezone(timedelta(hours=2)))),
            "start_time",
            r"2026-01-31T09:00:00\+02:00 has passed",
        ),
        (once(NOW - DAY, NOW + DAY), "start_time", "has passed"),
        (once(at(-3), at(-1)), "end_time", "later than start_time .2026-03-01 12:00:06"),
        (daily(end=NOW - DAY), "end_time", "2026-02-28T12:.* has passed: it is 2026-03-01T12:"),
        (daily(end=NOW), "end_time", "has passed"),
        (daily(NOW - 2 * DAY, NOW - DAY), "end_time", "give a later time, or none$"),
        (
            daily(end=at(3600)),
            "end_time",
            "nothing runs by 2026-03-01T13:.*Z: the first run would be at 2026-03-02T00:00:00Z; "
            "give that time or a later one, or none",
        ),
        (leap(NOW, NOW + 365 * DAY), "end_time", "the first run would be at 2028-02-29T00:00:00Z"),
        (leap(NOW + 900 * DAY, NOW + 999 * DAY), "end_time", "at 2032-02-29T00:00:00Z"),
        (
            Recurrence(
                frequency=Frequency.INTERVAL,
                interval_seconds=3600,
                start_time=at(-600),
                end_time=at(600),
            ),
            "end_time",
            "the first run would be at 2026-03-01T12:50:06Z",
        ),
        (once(at(3.5), at(3.6)), "end_time", "the first run would be at 2026-03-01T12:00:09Z"),
    ],
)
def test_what_would_never_run_is_refused(wanted: Recurrence, field: str, words: str) -> None:
    assert next_run(wanted, NOW) is None
    with pytest.raises(InvalidRecurrence, match=words) as caught:
        take(wanted)
    assert caught.value.field == field
    with pytest.raises(InvalidRecurrence) as changed:
        take(wanted, Recurrence(frequency=Frequency.MONTHLY))
    assert changed.value.field == field
    passed = field == "end_time" and "has passed" in changed.value.message
    assert ("turn it off" in changed.value.message) is passed


@pytest.mark.parametrize(
    "wanted",
    [
        once(at(1)),
        daily(),
        daily(NOW - 9 * DAY),
        daily(end=NOW + DAY),
        daily(end=datetime(2026, 3, 2, tzinfo=UTC)),
        leap(),
        leap(end=datetime(2028, 2, 29, tzinfo=UTC)),
    ],
)
def test_what_will_run_is_taken_as_it_is(wanted: Recurrence) -> None:
    assert take(wanted) == wanted == take(wanted, once(NOW - DAY))


@pytest.mark.parametrize("ago", [0, 0.1, 0.25, 3, 30])
def test_a_once_for_now_runs_at_the_next_second(ago: float) -> None:
    taken = take(once(at(-ago)))
    assert next_run(taken, NOW) == taken.first == SOON


def test_a_once_for_now_that_is_asked_for_again_is_the_same_one() -> None:
    """An answer was lost, or a form is sent once more: it is not run twice."""
    asked = once(at(-3))
    first = take(asked, daily())
    assert first == once(SOON)
    for later in (0, 0.5, 1, 20, 86_400):
        assert take(asked, first, at(later)) == first
    assert take(once(at(2)), first, at(5)) == once(SOON + timedelta(seconds=5))


def test_a_once_that_is_near_is_moved_to_now() -> None:
    assert take(once(at(-3)), once(at(20))) == once(SOON)


def test_no_run_comes_at_the_floor_or_earlier() -> None:
    """A job of a time ahead was cancelled: it gets no second one."""
    floor = datetime(2026, 3, 1, 12, 1, tzinfo=UTC)
    assert accepted(once(NOW), None, NOW, floor) == once(floor + timedelta(seconds=1))
    assert accepted(once(floor), None, NOW, floor) == once(floor + timedelta(seconds=1))


@pytest.mark.parametrize("old", [once(NOW - 9 * DAY), once(at(-3)), daily(end=NOW - DAY)])
def test_what_stays_is_not_asked(old: Recurrence) -> None:
    assert take(old, old) == old
    assert take(replace(old, timezone="UTC"), old) == old


def test_of_a_once_that_has_run_the_zone_and_the_end_may_change() -> None:
    old = once(NOW - 9 * DAY)
    ended = replace(old, end_time=NOW - DAY)
    for changed in (replace(old, timezone="Europe/Berlin"), replace(old, end_time=NOW + DAY)):
        assert take(changed, old) == changed
    assert take(replace(ended, timezone="Europe/Berlin"), ended).timezone == "Europe/Berlin"
    assert take(old, ended) == old
    with pytest.raises(InvalidRecurrence, match=r"end_time: .* has passed"):
        take(ended, old)
    same = old.start_time
    assert same is not None
    elsewhere = once(same.astimezone(timezone(timedelta(hours=2))))
    assert take(elsewhere, old) == elsewhere


def test_it_may_end_before_its_next_run_but_not_be_prolonged_to_before_it() -> None:
    """To end it early is what `end_time` is for; to be turned off is what is said of the past."""
    sooner = daily(end=at(60))
    assert take(sooner, daily()) == sooner == take(sooner, daily(end=NOW + 9 * DAY))
    for present in (
        daily(end=NOW - DAY),
        daily(end=at(30)),
        replace(daily(), timezone="Asia/Tokyo"),
    ):
        with pytest.raises(InvalidRecurrence, match=r"end_time: nothing runs by"):
            take(sooner, present)
    old = Recurrence(frequency=Frequency.CRON, cron_expression="0 */99 * * *", stored=True)
    assert take(replace(old, end_time=at(60), stored=True), old).end_time == at(60)


def test_of_what_is_over_other_times_are_refused_unless_they_come() -> None:
    old = daily(end=NOW - DAY)
    with pytest.raises(InvalidRecurrence, match="has passed"):
        take(replace(old, frequency=Frequency.HOURLY), old)
    assert take(replace(old, end_time=None), old) == daily()


instants = st.integers(-100, 100).map(lambda s: at(s / 2)) | st.integers(-9, 9).map(
    lambda days: NOW + days * DAY
)
frequencies = st.sampled_from([Frequency.ONCE, Frequency.DAILY, Frequency.HOURLY])


@given(frequencies, instants, st.none() | instants, st.none() | instants)
def test_what_is_taken_runs_and_what_is_refused_does_not(
    frequency: Frequency, start: datetime, end: datetime | None, present: datetime | None
) -> None:
    try:
        wanted = Recurrence(frequency=frequency, start_time=start, end_time=end)
    except InvalidRecurrence:
        return  # it ends before it starts
    old = None if present is None else once(present)
    try:
        taken = take(wanted, old)
    except InvalidRecurrence as error:
        assert next_run(wanted, NOW) is None
        assert re.fullmatch("start_time|end_time", error.field)
        return
    if next_run(taken, NOW) is None:
        assert old is not None and taken.first == old.first
    moved = old is not None and taken.start_time == old.first
    assert taken == wanted or start >= NOW - SLACK or moved


def observing(when: Recurrence, *days: date) -> Recurrence:
    off = tuple(DayOff(day, "closed") for day in days)
    calendar = Calendar(id="c1", name="own", version=1, days=off)
    return replace(when, calendar=Observance(rule=CalendarRule.SKIP, calendars=(calendar,)))


def test_what_is_over_may_let_go_of_its_calendars_so_that_they_can_be_deleted() -> None:
    over = daily(NOW - 9 * DAY, NOW - DAY)
    counted = Recurrence(
        frequency=Frequency.RRULE, rrule="FREQ=DAILY;COUNT=2", start_time=NOW - 9 * DAY
    )
    for plain in (over, counted):
        assert take(plain, observing(plain, NOW.date())) == plain
        assert take(observing(plain, NOW.date()), plain).calendar is not None
    coming = once(NOW + DAY)
    with pytest.raises(InvalidRecurrence, match="leaves no run"):
        take(observing(coming, (NOW + DAY).date()), coming)
    with pytest.raises(InvalidRecurrence, match="has passed"):
        take(replace(over, start_time=NOW - 8 * DAY), observing(over, NOW.date()))
