"""Whose turn it is."""

from __future__ import annotations

from collections.abc import Iterator

from shared.webhooks.endpoint import Pace
from shared.webhooks.places import PLACES, Places, Turns, Way


def way(hook: str, pace: Pace = Pace.FAST, project: int = 1, *, alone: bool = False) -> Way:
    return Way(hook=hook, project_id=project, pace=pace, alone=alone)


def taken(turns: Turns[int]) -> Iterator[Way]:
    """What can be under way at once."""
    while (found := turns._next()) is not None:
        yield found[0]


def test_one_endpoint_takes_a_few_places_a_slow_one_fewer_and_an_unknown_one_a_single() -> None:
    turns: Turns[int] = Turns(Places())
    turns.add(way("fast"), range(100))
    turns.add(way("ordered", alone=True), range(100))
    turns.add(way("new", Pace.NEW), range(100))
    turns.add(way("slow", Pace.SLOW), range(100))
    hooks = [one.hook for one in taken(turns)]
    assert [hooks.count(one) for one in ("fast", "ordered", "new", "slow")] == [4, 1, 1, 2]


def test_slow_endpoints_leave_places_however_many_they_are() -> None:
    turns: Turns[int] = Turns(Places())
    for number in range(100):
        turns.add(way(f"slow{number}", Pace.SLOW, project=number), [1])
        turns.add(way(f"new{number}", Pace.NEW, project=number), [1])
    assert len(list(taken(turns))) == PLACES // 4 + PLACES // 2
    turns.add(way("fast", project=7), range(10))
    assert [one.hook for one in taken(turns)] == ["fast"] * 4


def test_one_project_takes_half_at_most() -> None:
    turns: Turns[int] = Turns(Places())
    for number in range(50):
        turns.add(way(f"a{number}", project=1), [1])
    assert len(list(taken(turns))) == PLACES // 2
    turns.add(way("b", project=2), [1])
    assert [one.hook for one in taken(turns)] == ["b"]


def test_what_is_done_makes_room_and_a_new_pace_counts_at_once() -> None:
    places = Places()
    turns: Turns[int] = Turns(places)
    turns.add(way("new", Pace.NEW), range(10))
    first = turns.take()
    assert first is not None and turns._next() is None
    turns.done(first[0], Pace.FAST)
    assert len(list(taken(turns))) == 4


def test_nothing_begins_after_the_end() -> None:
    turns: Turns[int] = Turns(Places())
    turns.add(way("a"), range(10))
    assert turns.drop("a") == list(range(10))
    turns.add(way("b"), range(10))
    turns.stop()
    assert turns.take() is None


def test_a_webhook_that_nothing_is_sent_to_takes_no_room() -> None:
    places = Places()
    for number in range(1_000):
        one = way(f"h{number}", project=number)
        assert places.take(one)
        places.free(one)
    assert len(places._taken) <= 1
