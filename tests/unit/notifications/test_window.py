"""Hours in which texts may go: by the wall clock, in any zone, on any day of the year."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.notifications.rules.window import Window
from shared.recurrence import names
from shared.settings.checks import hours

ZONES = st.sampled_from(sorted(names.known())).map(ZoneInfo)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
MINUTES = st.integers(0, 1439)
WINDOWS = st.builds(Window, MINUTES, st.integers(1, 1440)).filter(
    lambda one: (one.closes - one.opens) % 1440 >= 120 or one.closes - one.opens == 1440
)
"""At least two hours: no change of clocks jumps over all of it."""
DAYTIME = Window(540, 1200)
NEW_YORK, BERLIN, APIA = map(ZoneInfo, ("America/New_York", "Europe/Berlin", "Pacific/Apia"))
MINUTE = timedelta(minutes=1)


@given(WINDOWS, ZONES, INSTANTS)
@example(Window(150, 300), NEW_YORK, datetime(2026, 3, 8, 6, 59, tzinfo=UTC))
@example(Window(150, 300), BERLIN, datetime(2026, 10, 25, 0, 59, tzinfo=UTC))
@example(DAYTIME, APIA, datetime(2011, 12, 30, 9, 0, tzinfo=UTC))
def test_it_opens_within_the_hours_and_not_later_than_it_could(
    window: Window, zone: ZoneInfo, now: datetime
) -> None:
    opens = window.next_open(now, zone)
    assert opens >= now and window.is_open(opens, zone)
    assert opens == now or not window.is_open(now, zone)
    step = max((opens - now) / 40, MINUTE)
    at = now
    while at < opens:  # nothing before it was open
        assert not window.is_open(at, zone)
        at += step
    if opens > now:
        assert not window.is_open(opens - timedelta(microseconds=1), zone)


@given(WINDOWS, ZONES, INSTANTS)
def test_what_is_open_is_so_by_the_wall_clock(
    window: Window, zone: ZoneInfo, now: datetime
) -> None:
    wall = now.astimezone(zone)
    minute = wall.hour * 60 + wall.minute
    inside = (minute - window.opens) % 1440 < ((window.closes - window.opens) % 1440 or 1440)
    assert window.is_open(now, zone) is inside


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-03-08T01:00-05:00", "2026-03-08T09:00-04:00"),  # an hour is missing
        ("2026-11-01T01:00-04:00", "2026-11-01T09:00-05:00"),  # an hour comes twice
        ("2026-07-01T19:59-04:00", "2026-07-01T19:59-04:00"),
        ("2026-07-01T20:00-04:00", "2026-07-02T09:00-04:00"),
        ("2026-12-31T23:30-05:00", "2027-01-01T09:00-05:00"),
    ],
)
def test_the_nights_in_which_clocks_change_are_nights(now: str, opens: str) -> None:
    found = DAYTIME.next_open(datetime.fromisoformat(now), NEW_YORK)
    assert found == datetime.fromisoformat(opens)


@pytest.mark.parametrize(
    ("text", "found"),
    [("09:00-20:00", (540, 1200)), ("00:00-24:00", (0, 1440)), ("20:00-06:30", (1200, 390))],
)
def test_it_is_written_as_two_times(text: str, found: tuple[int, int]) -> None:
    assert hours(text) == found and str(Window(*found)) == text


@pytest.mark.parametrize("text", ["9-20", "09:00-25:00", "09:00", "09:00-09:00", "24:00-09:00"])
def test_what_is_none_is_refused_with_what_to_use(text: str) -> None:
    with pytest.raises(ValueError, match="such as 09:00-20:00"):
        hours(text)
