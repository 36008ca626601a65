"""Caps: how many more may go, and when the next day begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid, Misconfigured
from shared.notifications.rules.caps import (
    Cap,
    Day,
    Used,
    Wish,
    counted,
    given_back,
    granted,
    with_day,
)
from shared.notifications.rules.phone import e164, masked
from shared.notifications.rules.price import Price, micros_of
from shared.recurrence import names
from shared.settings.checks import price
from shared.settings.regions import REGIONS

ZONES = st.sampled_from(sorted(names.known())).map(ZoneInfo)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
LIMITS = st.none() | st.integers(0, 50)


def cap(messages: int | None, micros: int | None = None) -> Cap:
    return Cap(name="all", zone=UTC, messages=messages, micros=micros)


@given(LIMITS, LIMITS, st.integers(0, 60), st.lists(st.integers(0, 9), max_size=9))
def test_as_many_are_granted_as_fit_and_no_more(
    messages: int | None, micros: int | None, used: int, costs: list[int]
) -> None:
    before = Used(used, used)
    number = granted(cap(messages, micros), before, costs)

    def fits(count: int) -> bool:
        after = before + Used(count, sum(costs[:count]))
        return (messages is None or after.messages <= messages) and (
            micros is None or after.micros <= micros
        )

    assert number == 0 or fits(number)
    assert number == len(costs) or not fits(number + 1)


@given(
    st.integers(0, 6),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.booleans()), max_size=40),
)
def test_a_message_that_several_senders_count_is_counted_once(
    limit: int, steps: list[tuple[int, int, bool]]
) -> None:
    """Each of three senders counts messages, and gives some of them back, in any order."""
    day, holding = Day(), set[tuple[int, int]]()
    for sender, number, back in steps:
        wish = Wish(f"m{number}", 10)
        if back and (sender, number) in holding:
            day = given_back(day, wish)
            holding.discard((sender, number))
        elif not back and (sender, number) not in holding:
            others = {one for _, one in holding}
            (allowed,), day = counted(cap(limit), day, [wish])
            assert allowed == (number in others or len(others) < limit)
            holding |= {(sender, number)} if allowed else set()
        held = {one for _, one in holding}
        assert day.used == Used(len(held), 10 * len(held)) and len(held) <= limit


def test_of_those_for_which_there_is_no_room_others_have_counted_some() -> None:
    (known,), day = counted(cap(2), Day(Used(1, 1)), [Wish("known", 1)])
    assert known and day.used == Used(2, 2)
    allowed, day = counted(cap(2), day, [Wish("new", 1), Wish("known", 1)])
    assert allowed == [False, True] and day.used == Used(2, 2)


def test_what_is_no_longer_remembered_stays_counted() -> None:
    """So a cap may end early, and is never exceeded."""
    wishes = [Wish(f"m{number}", 1) for number in range(200)]
    _, day = counted(cap(None), Day(), wishes)
    assert given_back(day, wishes[0]).used.messages == 200
    assert given_back(day, wishes[-1]).used.messages == 199


@given(ZONES, INSTANTS)
def test_the_next_day_begins_at_the_first_instant_of_its_date(
    zone: ZoneInfo, now: datetime
) -> None:
    one = Cap(name="tenant:1", zone=zone, messages=1, micros=None)
    begins = one.next_day(now)
    assert now < begins <= now + timedelta(hours=49)
    assert one.day(begins) > one.day(now)
    assert one.day(begins - timedelta(microseconds=1)) == one.day(now)


@given(st.lists(st.dates().map(lambda day: day.isoformat()), unique=True, max_size=9))
def test_the_last_days_are_kept(days: list[str]) -> None:
    known: dict[str, Used] = {}
    for number, day in enumerate(days):
        known = dict(with_day(known, day, Used(number)))
        assert known[day] == Used(number)
    assert len(known) <= 3 and list(known) == sorted(known)


def test_near_midnight_both_days_are_counted_though_a_clock_that_was_wrong_wrote_later_ones() -> (
    None
):
    known: dict[str, Used] = {f"2027-06-0{day}": Used(9) for day in range(1, 4)}
    for number in range(1, 4):
        known = dict(with_day(known, "2026-11-29", Used(number)))
        known = dict(with_day(known, "2026-11-30", Used(number)))
        assert (known["2026-11-29"], known["2026-11-30"]) == (Used(number), Used(number))


@pytest.mark.parametrize(
    ("typed", "region", "number"),
    [
        ("+1 (415) 555-0123", "DE", "+14155550123"),
        ("(415) 555-0123", "US", "+14155550123"),
        ("0176 12345678", "DE", "+4917612345678"),
        ("0049 176 12345678", "DE", "+4917612345678"),
    ],
)
def test_a_number_is_read_as_people_type_it(typed: str, region: str, number: str) -> None:
    assert e164(typed, region) == number


@pytest.mark.parametrize(
    "typed", [None, "", " ", "none", "12", "+1 415", "+999 123456789", "0" * 99]
)
def test_what_is_no_number_is_refused_and_not_shown(typed: str | None) -> None:
    with pytest.raises(Invalid) as caught:
        e164(typed, "US")
    assert not typed or len(typed) < 3 or typed not in str(caught.value)


def test_a_region_that_is_none_is_named_with_its_setting() -> None:
    with pytest.raises(Misconfigured, match="SMS_DEFAULT_REGION is 'XX'"):
        e164("415", "XX")
    with pytest.raises(Invalid):
        e164("none", "XX")


def test_a_number_with_a_plus_needs_no_region() -> None:
    assert e164("+49 30 123456", "XX") == e164("+49 30 123456", "US") == "+4930123456"


def test_the_regions_of_the_settings_are_those_of_the_library() -> None:
    import phonenumbers

    assert REGIONS == phonenumbers.SUPPORTED_REGIONS


def test_a_masked_number_identifies_nobody() -> None:
    assert (masked("+14155550123"), masked("12"), masked("")) == ("...23", "...", "...")


def test_money_is_counted_in_millionths() -> None:
    assert Price(price("0.0079"), "USD").of(3) == 23_700
    assert (micros_of(250, "USD"), micros_of(250, "JPY")) == (2_500_000, 250_000_000)
    assert (micros_of(250, "KWD"), micros_of(250, "CLF")) == (250_000, 25_000)
    for wrong in ("-1", "0.00000001", "much", "100", "1e3"):
        with pytest.raises(ValueError, match=r"such as 0\.0079"):
            price(wrong)
