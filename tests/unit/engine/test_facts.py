"""What the clocks know of each other: what cannot be read says nothing, nor what is to come."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.engine.dispatch import facts
from shared.engine.dispatch.facts import Facts, Known, Pause
from shared.storage.tables.facts import Fact

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
NOW, LATER = NOON.isoformat(), (NOON + HOUR).isoformat()


def rows(**values: str) -> dict[str, Fact]:
    """`clock_known` stands for `clock.known`, `it` for `clock:it`."""
    return {
        f"clock.{name.removeprefix('clock_')}" if name.startswith("clock_") else f"clock:{name}": (
            Fact(value, "etag")
        )
        for name, value in values.items()
    }


def test_it_is_what_was_written() -> None:
    known = {"it": Known("0 * * * * *", NOON)}
    found = facts.read(
        rows(
            it=NOW,
            clock_known=facts.written(known),
            clock_up=NOW,
            clock_resumed=Pause(NOON, settled=True).text(),
            clock_swept=NOW,
            clock_chain=f"{NOW} token",
        )
    )
    assert (found.known, found.beats, found.up) == (known, {"it": NOON}, NOON)
    assert found.pause == Pause(NOON, settled=True)
    assert facts.instant(found.swept) == facts.chain_at(found.chain) == NOON
    assert facts.read(rows(clock_resumed=NOW)).pause == Pause(NOON)


@pytest.mark.parametrize("text", ["", "nonsense", "2026-03-01T12:00:00", "{}", "[1]", "null", "1"])
def test_what_cannot_be_read_says_nothing(text: str) -> None:
    names = ("it", "clock_known", "clock_up", "clock_resumed", "clock_swept", "clock_chain")
    found = facts.read(rows(**dict.fromkeys(names, text)))
    assert (found.known, found.beats, found.up, found.pause) == ({}, {}, None, None)
    assert facts.instant(found.swept) is facts.chain_at(found.chain) is None
    assert facts.future(found, NOON) == {}


@pytest.mark.parametrize("wakes", ["0 * * * *", "0 0 * * * L", 5, None])
def test_an_expression_that_is_none_of_ours_is_of_no_clock(wakes: object) -> None:
    assert facts.known(Fact(json.dumps({"it": [wakes, NOW]}), "")) == {}


FUTURE = Facts(
    known={"it": Known("0 * * * * *", NOON + HOUR)},
    beats={"it": NOON + HOUR, "other": NOON - HOUR},
    up=NOON + HOUR,
    pause=Pause(NOON + HOUR),
    swept=Fact(LATER, ""),
    chain=Fact(f"{LATER} token", ""),
)


def test_each_fact_in_the_future_is_found_and_not_believed() -> None:
    found = facts.future(FUTURE, NOON)
    assert found.keys() == {
        *("clock:it", "clock.known", "clock.up", "clock.resumed", "clock.swept", "clock.chain")
    }
    made = facts.believed(FUTURE, NOON)
    assert made.beats == {"it": NOON, "other": NOON - HOUR}
    assert (made.known["it"].since, made.up, made.pause) == (NOON, NOON, Pause(NOON, settled=True))


def test_what_instances_may_differ_by_is_no_future() -> None:
    at = NOON + MINUTE
    near = Facts(
        known={"it": Known("0 * * * * *", at)},
        beats={"it": at},
        up=at,
        pause=Pause(at),
        swept=Fact(at.isoformat(), ""),
        chain=Fact(f"{(NOON + 130 * SECOND).isoformat()} token", ""),
    )
    assert facts.future(near, NOON) == {}
    assert facts.believed(near, NOON) is near
    assert facts.future(replace(near, up=at + SECOND), NOON) == {"clock.up": at + SECOND}
