"""Events without an end: the first is told at once, a storm is few messages, and has an end."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.alerts.model import NAMES, Word
from shared.alerts.rules import QUIET, REMINDED, SPACED
from tests.unit.alerts.simulated import MINUTE, START, Simulation


def test_a_single_event_is_one_message() -> None:
    one = Simulation()
    one.happen("nightly")
    one.run(200)
    assert [said.subject for said in one.said] == ["Job dead: nightly"]
    assert one.said[0].text.startswith("nightly failed\n")
    assert one.alert is None and len(one.history) == 1


def test_ten_thousand_events_are_few_messages_and_the_last_has_the_count() -> None:
    one = Simulation()
    for number in range(10_000):
        one.happen(f"s{number}")
        if number % 100 == 99:
            one.run(1)
    one.run(100)
    assert one.words[0] == "opened" and one.words[-1] == "closed"
    assert len(one.said) <= 5
    assert one.said[-1].subject == "Over: Job dead, 10000 in all"
    assert one.said[1].subject.startswith("Job dead, ")
    assert one.said[1].text.count("\n- ") == 5, "a few examples"


def test_what_came_at_once_is_one_message() -> None:
    one = Simulation()
    one.happen(*(f"s{number}" for number in range(90)))
    assert [said.subject for said in one.said] == ["Job dead, 90 times: s0, s1, s2, s3, s4"]


def test_another_schedule_is_named_although_one_fails_all_the_time() -> None:
    one = Simulation()
    for minute in range(120):
        one.happen("often")
        if minute == 60:
            one.happen("rare")
        one.run(1)
    told = [said for said in one.said if "rare failed" in said.text]
    assert told and told[0].at - START <= 95 * MINUTE


def test_what_fails_every_hour_is_one_alert() -> None:
    one = Simulation()
    for _ in range(48):
        one.happen("hourly")
        one.run(60)
    one.run(80)
    assert len(one.history) == 1
    assert len(one.said) <= 2 + 48 * 60 * MINUTE / REMINDED + 2


_events = st.lists(st.tuples(st.integers(0, 90), st.integers(1, 30)), min_size=1, max_size=60)


@given(_events)
def test_whatever_happens(events: list[tuple[int, int]]) -> None:
    """No two messages of a group within five minutes; every event is told; every group ends."""
    one = Simulation()
    total = 0
    for minutes, number in events:
        one.run(minutes)
        known = one.alert
        one.happen(*(f"s{total + each}" for each in range(number)))
        total += number
        if known is None:
            assert one.said[-1].at == one.now and one.said[-1].word is Word.OPENED
    one.run(QUIET // MINUTE + 10)
    assert one.alert is None
    assert sum(alert.told_count for alert in one.history) == total
    assert sum(alert.count for alert in one.history) == total
    for alert in one.history:
        mine = [said for said in one.said if said.alert_id == alert.id]
        assert all(b.at - a.at >= SPACED for a, b in pairwise(mine))
        assert mine[0].word is Word.OPENED
        assert (mine[-1].word is Word.CLOSED) == (len(mine) > 1)
        lasted = mine[-1].at - mine[0].at
        assert len(mine) <= 3 + len(str(total)) + NAMES + lasted // REMINDED
