"""What is doubtful of silent clocks, when it is certain, and what is said of it how often."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.engine.dispatch import silence
from shared.engine.dispatch.facts import Facts, Known, Pause
from shared.engine.dispatch.health import Silent, judged, look_again, noticed
from shared.engine.dispatch.names import HTTP, WORK
from shared.storage.tables.facts import Fact

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
LONG_AGO = NOON - timedelta(days=30)
KNOWN = {
    "dispatcher": Known("0 * * * * *", LONG_AGO),
    "message": Known("30 * * * * *", LONG_AGO),
    "five": Known("0 */5 * * * *", LONG_AGO),
}
DEAD = Facts(
    known=KNOWN,
    beats={
        "five": NOON - 5 * MINUTE,
        "dispatcher": NOON - 5 * MINUTE,
        "message": NOON - 270 * SECOND,
    },
)
"""Nothing ticked since 11:55:30, and no five-minute timer was to wake in between."""


def names(found: list[Silent]) -> list[str]:
    return [one.clock for one in found]


def after(clock: str, found: Facts, now: datetime = NOON) -> Facts:
    """The facts when the clock has ticked."""
    known = noticed(now, clock, found)
    return replace(known, beats={**known.beats, clock: now})


def test_who_missed_nothing_itself_cannot_tell_an_app_that_was_off_from_silent_clocks() -> None:
    found = after("five", DEAD)
    assert found.pause == Pause(NOON) and found.up is None
    assert names(judged(NOON, found)) == names(judged(NOON + 74 * SECOND, found)) == []
    assert names(judged(NOON + 75 * SECOND, found)) == ["dispatcher", "message"]


def test_who_missed_something_itself_knows_that_nothing_ran() -> None:
    now = NOON + 5 * MINUTE
    found = after("five", DEAD, now + 3 * MINUTE)
    assert found.up == found.beats["five"]
    assert names(judged(now + 5 * MINUTE, found)) == []
    assert names(judged(now + 6 * MINUTE, found)) == ["dispatcher", "message"]


def test_a_clock_that_comes_back_soon_settles_the_doubt() -> None:
    found = after("dispatcher", after("five", DEAD), NOON + 60 * SECOND)
    assert found.up == NOON and found.pause == Pause(NOON, settled=True)
    assert names(judged(NOON + 100 * SECOND, found)) == []


def test_it_is_not_doubtful_twice_in_a_row() -> None:
    found = after("five", after("five", DEAD), NOON + 5 * MINUTE)
    assert found.pause == Pause(NOON + 5 * MINUTE, settled=True)
    assert names(judged(NOON + 5 * MINUTE, found)) == ["dispatcher", "message"]


@pytest.mark.parametrize("clock", [HTTP, WORK])
@pytest.mark.parametrize(("pace", "is_certain"), [(5 * MINUTE, True), (timedelta(days=1), False)])
def test_nor_for_a_clock_without_a_time_of_its_own_if_it_keeps_a_pace(
    clock: str, pace: timedelta, is_certain: bool
) -> None:
    found = after(clock, after(clock, DEAD), NOON + pace)
    assert bool(names(judged(NOON + pace, found))) is is_certain


def test_what_else_ticks_proves_that_the_app_was_on() -> None:
    found = after("five", replace(DEAD, beats={**DEAD.beats, WORK: NOON - MINUTE}))
    assert found.pause is None
    assert names(judged(NOON, found)) == ["dispatcher", "message"]


def test_somebody_looks_again_when_it_is_certain() -> None:
    found = after("five", DEAD)
    at = look_again(NOON, found, NOON + 5 * MINUTE)
    assert at == NOON + 75 * SECOND
    assert names(judged(at, found)) == ["dispatcher", "message"]


def test_or_when_the_missed_wakeup_is_old_enough() -> None:
    lately = {"five": NOON, "dispatcher": NOON - 90 * SECOND, "message": NOON - 90 * SECOND}
    found = replace(DEAD, beats=lately)
    assert names(judged(NOON, found)) == []
    at = look_again(NOON, found, NOON + 5 * MINUTE)
    assert at == NOON + 90 * SECOND
    assert names(judged(at, found)) == ["dispatcher", "message"]


def test_nobody_needs_to_if_a_tick_comes_soon_or_nothing_was_missed() -> None:
    assert look_again(NOON, after("five", DEAD), NOON + MINUTE) is None
    fine = replace(DEAD, beats=dict.fromkeys(KNOWN, NOON))
    assert look_again(NOON, fine, NOON + 5 * MINUTE) is None


def one(clock: str = "dispatcher", since: datetime = NOON) -> Silent:
    return Silent(clock=clock, last=since, expected=NOON + MINUTE, since=since)


def said(now: datetime, *silent: Silent, before: silence.News | None = None) -> silence.News:
    known = before.after if before is not None else {}
    return silence.news(known, silent, Facts(known=KNOWN, beats={}), now)


def test_a_silence_is_logged_once_and_then_once_an_hour() -> None:
    first = said(NOON, one())
    assert names(list(first.log)) == ["dispatcher"]
    for minutes in range(1, 60):
        assert said(NOON + minutes * MINUTE, one(), before=first).log == []
    again = said(NOON + HOUR, one(), before=first)
    assert names(list(again.log)) == ["dispatcher"]
    assert again.after["dispatcher"].told is first.after["dispatcher"].told is False
    assert said(NOON + HOUR + MINUTE, one(), before=again).log == []


def test_what_was_logged_in_the_future_is_logged_again() -> None:
    first = said(NOON + 5 * HOUR, one())
    assert said(NOON, one(), before=first).log


def test_another_silence_of_a_clock_is_a_new_one() -> None:
    first = said(NOON, one())
    other = said(NOON + MINUTE, one(since=NOON + SECOND), before=first)
    assert names(list(other.log)) == ["dispatcher"]


def test_it_ends_when_the_clock_ticks_and_not_when_it_is_pardoned() -> None:
    first = said(NOON, one())
    pardoned = said(NOON + MINUTE, before=first)
    assert (pardoned.back, pardoned.after) == ([], first.after)
    ticked = Facts(known=KNOWN, beats={"dispatcher": NOON + 2 * MINUTE})
    back = silence.news(first.after, [], ticked, NOON + 2 * MINUTE)
    assert back.back == ["dispatcher"]
    assert back.after["dispatcher"].back == NOON + 2 * MINUTE
    assert silence.news(back.after, [], ticked, NOON + 3 * MINUTE).back == []


def test_a_clock_that_there_is_no_more_is_forgotten() -> None:
    first = said(NOON, one("gone"))
    assert said(NOON + MINUTE, before=first).after == {}


def test_of_a_pinger_people_are_told_nothing() -> None:
    pinger = Silent(clock=HTTP, last=NOON, expected=None, since=NOON)
    first = said(NOON + HOUR, pinger)
    assert first.after[HTTP].settled
    ticked = Facts(known=KNOWN, beats={HTTP: NOON + 2 * HOUR})
    back = silence.news(first.after, [], ticked, NOON + 2 * HOUR)
    assert (back.back, back.after) == ([HTTP], {})


@pytest.mark.parametrize("text", ["", "schedule_dispatcher clock_message", "[1]", '{"a": 1}'])
def test_what_was_said_is_kept_and_what_cannot_be_read_is_said_again(text: str) -> None:
    made = said(NOON, one()).after
    back = {clock: replace(kept, back=NOON, told=True) for clock, kept in made.items()}
    for kept in (made, back):
        assert silence.parse(Fact(silence.written(kept), "")) == kept
    assert silence.parse(Fact(text, "")) == silence.parse(None) == {}
