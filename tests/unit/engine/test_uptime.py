"""Uptime by ticks, against a plain model: gaps, restarts, clocks that go back, rows of any kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.engine.dispatch import uptime
from shared.engine.dispatch.uptime import Gap, Life
from shared.storage.tables.facts import Fact

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
STEPS = st.lists(st.integers(1, 1000), max_size=60)
"""Seconds between ticks."""


def after(steps: list[int]) -> list[datetime]:
    ticks = [NOON]
    for step in steps:
        ticks.append(ticks[-1] + step * SECOND)
    return ticks


def row(text: str) -> Life | None:
    return uptime.read(Fact(text, "etag"))


def lived(ticks: list[datetime]) -> Life:
    """What is stored after these ticks, each of which reads the one before."""
    text = uptime.written(uptime.begun(ticks[0]))
    for before, now in pairwise(ticks):
        text = uptime.written(uptime.noted(row(text), [before], now))
    life = row(text)
    assert life is not None
    return life


@given(STEPS, st.integers(0, 1000))
def test_it_is_what_a_plain_model_says(steps: list[int], since: int) -> None:
    ticks = after(steps)
    now = ticks[-1] + since * SECOND
    life, model = (
        lived(ticks),
        [
            Gap(one, two)
            for one, two in zip(ticks, [*ticks[1:], now], strict=True)
            if two - one > uptime.LONGEST
        ],
    )
    assert list(uptime.gaps(life, [ticks[-1]], now)) == model
    found = uptime.uptime(life, [ticks[-1]], now)
    if now - ticks[-1] > uptime.LONGEST:
        assert (found.seconds, found.since, found.down_since) == (0, None, ticks[-1])
    else:
        begin = model[-1].end if model else NOON
        assert (found.since, found.seconds) == (begin, (now - begin).total_seconds())
    share = uptime.availability(life, [ticks[-1]], now, DAY)
    whole = (now - NOON).total_seconds()
    down = sum(gap.seconds for gap in model)
    assert share == (None if not whole else pytest.approx(1 - down / whole))


def test_a_tick_without_a_gap_changes_nothing_and_one_that_is_killed_loses_none() -> None:
    life = lived([NOON, NOON + MINUTE, NOON + 6 * MINUTE])
    assert life == uptime.begun(NOON), "a restart of five minutes is none"
    at = NOON + 20 * MINUTE
    killed = uptime.noted(life, [NOON + 6 * MINUTE], at)  # and it left no beat
    assert killed.gaps == (Gap(NOON + 6 * MINUTE, at),)
    assert uptime.noted(killed, [NOON + 6 * MINUTE], at + MINUTE) == killed, "or a second instance"
    later = uptime.noted(killed, [NOON + 6 * MINUTE], at + 10 * MINUTE)
    assert later.gaps == (*killed.gaps, Gap(at, at + 10 * MINUTE))


def test_what_is_kept_is_bounded_and_does_not_claim_more_than_it_knows() -> None:
    ticks = [NOON + 10 * number * MINUTE for number in range(uptime.MOST + 31)]
    life = lived(ticks)
    assert len(life.gaps) == uptime.MOST and life.observed == ticks[30]
    assert len(uptime.written(life)) < 3_000
    assert uptime.availability(life, [ticks[-1]], ticks[-1], DAY) == 0
    old = lived([NOON, NOON + 2 * DAY])
    now = old.gaps[0].end + 40 * DAY
    again = uptime.noted(old, [now - DAY], now)
    assert again.gaps == (Gap(now - DAY, now),), "the older one ended 40 days before"


def test_a_window_counts_only_its_part_of_a_gap() -> None:
    life = Life(NOON, (Gap(NOON + 12 * 60 * MINUTE, NOON + DAY),))
    now = NOON + 36 * 60 * MINUTE
    assert uptime.availability(life, [now], now, DAY) == 0.5
    assert uptime.availability(life, [now], now, 7 * DAY) == pytest.approx(2 / 3)


@given(st.lists(st.integers(-3000, 3000), max_size=40), st.integers(-100_000, 100_000))
def test_clocks_that_go_back_or_ahead_break_nothing(steps: list[int], off: int) -> None:
    now, life, beats = NOON, uptime.begun(NOON + off * SECOND), [NOON + off * SECOND]
    for step in steps:
        now += step * SECOND
        life = uptime.noted(life, beats, now)
        beats.append(now)
        found = uptime.uptime(life, beats, now)
        assert found.seconds >= 0 and (found.since or now) <= now
        share = uptime.availability(life, beats, now, DAY)
        assert share is None or 0 <= share <= 1
        assert row(uptime.written(life)) is not None


def test_a_clock_that_was_wrong_leaves_no_gap_for_later() -> None:
    wrong = uptime.noted(uptime.begun(NOON), [NOON], NOON + DAY)
    assert uptime.uptime(wrong, [NOON + DAY], NOON + MINUTE).since == NOON
    assert uptime.noted(wrong, [NOON, NOON + DAY], NOON + MINUTE).gaps == ()


ODD = ["", "x", "null", "[]", "5", "{}", '{"observed": 1}', '{"observed": 1, "gaps": 5}']
ODD += ['{"observed": 1e400, "gaps": []}', '{"observed": NaN, "gaps": []}', '{"gaps": []}']
ODD += ['{"observed": 1, "gaps": [[1]]}', '{"observed": 1, "gaps": [[9, 5]]}']
ODD += ['{"observed": 1, "gaps": [["a", "b"]]}', '{"observed": 99999999999999999, "gaps": []}']


@given(st.sampled_from(ODD) | st.text(max_size=20))
def test_a_garbled_row_says_nothing(text: str) -> None:
    found = row(text)
    assert found is None or text not in ODD
    assert uptime.noted(found, [], NOON).observed <= NOON
