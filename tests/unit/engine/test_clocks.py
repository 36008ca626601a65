"""Wake-ups looked back at: beside the host's own reading of NCRONTAB."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.host import cron
from shared.engine.dispatch.facts import Known
from shared.engine.dispatch.health import GRACE, silent, was_away
from shared.engine.dispatch.names import HTTP
from shared.engine.dispatch.wakeups import last_wakeup, next_wakeup
from shared.recurrence import Frequency, Recurrence, ncrontab

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EXPRESSIONS = [
    "0 * * * *",
    "*/5 * * * *",
    "0 0 * * *",
    "30 6 * * 1-5",
    "0 2 * * 1",
    "15,45 8-18/2 1,15 * *",
    "0 0 1 1 *",
    "0 9 31 * *",
    "0 12 * 2 *",
]
ZONES = ["UTC", "America/New_York", "Asia/Kolkata", "Pacific/Chatham", "Australia/Lord_Howe"]
INSTANTS = st.datetimes(datetime(2025, 1, 1), datetime(2028, 12, 31)).map(
    lambda at: at.replace(tzinfo=UTC)
)


@given(
    expression=st.sampled_from(EXPRESSIONS),
    zone=st.sampled_from(ZONES),
    until=INSTANTS,
    span=st.timedeltas(timedelta(), timedelta(days=400)),
)
def test_the_last_wakeup_is_what_the_host_fired_last(
    expression: str, zone: str, until: datetime, span: timedelta
) -> None:
    when = Recurrence(frequency=Frequency.CRON, cron_expression=expression, timezone=zone)
    wakes = ncrontab(when, until.year)
    host = cron.parse(wakes)
    found = last_wakeup(wakes, until - span, until)
    if found is None:
        following = host.after(until - span)
        assert following is None or following > until
    else:
        assert until - span < found <= until
        assert host.after(found - timedelta(seconds=1)) == found
        following = host.after(found)
        assert following is None or following > until


@given(
    expression=st.sampled_from(EXPRESSIONS),
    zone=st.sampled_from(ZONES),
    after=INSTANTS,
    span=st.timedeltas(timedelta(), timedelta(days=400)),
)
def test_the_next_wakeup_is_what_the_host_fires_next(
    expression: str, zone: str, after: datetime, span: timedelta
) -> None:
    when = Recurrence(frequency=Frequency.CRON, cron_expression=expression, timezone=zone)
    wakes = ncrontab(when, after.year)
    following = cron.parse(wakes).after(after)
    expected = following if following is not None and following <= after + span else None
    assert next_wakeup(wakes, after, after + span) == expected


@pytest.mark.parametrize("expression", ["0 0 * * *", "", "0 * * * L *", "61 * * * * *"])
def test_what_is_no_expression_of_ours_is_an_error(expression: str) -> None:
    with pytest.raises(ValueError):
        last_wakeup(expression, NOON, NOON)
    with pytest.raises(ValueError):
        next_wakeup(expression, NOON, NOON)


def known(wakes: str, age: timedelta = timedelta(days=30)) -> dict[str, Known]:
    return {"it": Known(wakes, NOON - age)}


def ago(**span: float) -> dict[str, datetime]:
    return {"it": NOON - timedelta(**span)}


@pytest.mark.parametrize(
    ("wakes", "beats", "is_silent"),
    [
        ("0 * * * * *", ago(seconds=60), False),
        ("0 * * * * *", ago(seconds=126), True),
        ("0 * * * * *", ago(seconds=120, milliseconds=20), False),  # fired a moment early
        ("0 0 3 * * *", ago(hours=9), False),
        ("0 0 3 * * *", ago(hours=9, seconds=6), True),
        ("0 0 3 * * *", {}, True),
        ("0 0 2 * * 1", ago(days=6, hours=10), False),
        ("0 59 11 * * *", ago(days=1), False),  # a minute late is not silent
        ("0 58 11 * * *", ago(days=1), True),
    ],
)
def test_a_clock_is_silent_when_it_missed_its_last_wakeup(
    wakes: str, beats: dict[str, datetime], is_silent: bool
) -> None:
    assert bool(silent(NOON, known(wakes), beats, None)) is is_silent


def test_what_was_missed_before_it_was_known_does_not_count() -> None:
    assert not silent(NOON, known("0 0 3 * * *", timedelta(hours=8)), {}, None)
    assert silent(NOON, known("0 0 3 * * *", timedelta(hours=10)), {}, None)


def test_what_was_missed_while_nothing_ran_does_not_count() -> None:
    clocks = known("0 0 3 * * *")
    assert not silent(NOON, clocks, {}, NOON - timedelta(hours=8))
    assert silent(NOON, clocks, {}, NOON - timedelta(hours=10))


@pytest.mark.parametrize(
    ("minutes", "is_silent"), [(14, False), (16, True), (24 * 60 - 1, True), (24 * 60 + 1, False)]
)
def test_the_pinger_is_missed_after_a_quarter_of_an_hour_for_a_day(
    minutes: int, is_silent: bool
) -> None:
    found = silent(NOON, {}, {HTTP: NOON - timedelta(minutes=minutes)}, None)
    assert [one.is_warning for one in found] == [True] * is_silent


def test_a_clock_was_away_if_it_missed_a_wakeup_of_its_own() -> None:
    minutely, daily = Known("0 * * * * *", NOON), Known("0 0 12 * * *", NOON)
    assert was_away(NOON, minutely, None)
    assert was_away(NOON, minutely, NOON - timedelta(minutes=5))
    assert not was_away(NOON, minutely, NOON - timedelta(minutes=1))
    assert not was_away(NOON, daily, NOON - timedelta(days=1))
    assert was_away(NOON + GRACE + timedelta(minutes=1), daily, NOON - timedelta(days=1))
