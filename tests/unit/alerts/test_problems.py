"""A problem is told when it begins and when it ends, with reminders, and never too often."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.alerts.model import AlertState, Word
from shared.alerts.rules import REMINDED, REOPENED
from tests.unit.alerts.simulated import MINUTE, MONITOR, START, Said, Simulation

_LOOK = MONITOR * MINUTE


def test_its_beginning_and_its_end_are_told_at_once() -> None:
    one = Simulation()
    one.open()
    assert [said.subject for said in one.said] == ["Clock silent: x"]
    one.run(37)
    one.open()
    one.close()
    assert one.words == ["opened", "closed"]
    assert one.said[1].subject == "Over: Clock silent: x"
    assert "from 2026-03-01T12:00:00Z to 2026-03-01T12:37:00Z" in one.said[1].text


def test_there_is_a_reminder_every_four_hours_until_it_is_acknowledged() -> None:
    one = Simulation()
    one.open()
    one.run(9 * 60)
    assert one.words == ["opened", "reminder", "reminder"]
    assert one.said[1].at - one.said[0].at == REMINDED
    one.acknowledge("ana")
    one.run(24 * 60)
    assert len(one.said) == 3
    one.close()
    assert one.words[-1] == "closed"


def test_it_is_told_when_it_gets_worse_even_if_it_is_acknowledged() -> None:
    one = Simulation()
    one.open(1)
    one.acknowledge("ana")
    one.run(30)
    one.open(1)
    assert one.words == ["opened"]
    one.open(2)
    assert one.words == ["opened", "worse"] and "Acknowledged by ana" in one.said[1].text
    one.run(30)
    one.open(1)
    one.run(30)
    one.open(2)
    assert len(one.said) == 2, "it was told before that it is so bad"


def test_a_problem_that_comes_and_goes_for_a_day_is_told_four_times_and_by_reminders() -> None:
    one = Simulation()
    for _ in range(24 * 30):
        one.open()
        one.run(1)
        one.close()
        one.run(1)
    one.run(30)
    reminders = [said for said in one.said if said.word is Word.REMINDER]
    assert [word for word in one.words if word != "reminder"] == [
        "opened",
        "closed",
        "again",
        "closed",
    ]
    assert len(reminders) <= 5
    assert "it began 720 times" in one.said[-1].text


def test_another_beginning_a_quarter_of_an_hour_later_is_another_alert() -> None:
    one = Simulation()
    one.open()
    one.run(5)
    one.close()
    one.run(15)
    one.open()
    assert one.words == ["opened", "closed", "opened"]
    assert len({said.alert_id for said in one.said}) == 2


def test_one_that_begins_as_its_end_is_told_late_is_the_same_alert() -> None:
    one = Simulation()
    one.open()
    one.close()
    one.open()
    one.run(15)
    one.close()
    one.run(15)
    assert one.words == ["opened", "closed", "again", "closed"]
    one.open()
    assert len(one.said) == 4 and len({said.alert_id for said in one.said}) == 1


_steps = st.lists(
    st.tuples(st.sampled_from(["open", "close", "wait"]), st.integers(0, 40)),
    max_size=60,
)


@given(_steps)
def test_whatever_happens(steps: list[tuple[str, int]]) -> None:
    """Two messages that say the same are a quarter of an hour apart; people never believe for
    longer than that, and a look of the monitor, that what lasts is over; each end is told."""
    one = Simulation()
    open_since = None
    for action, minutes in steps:
        if action == "open":
            open_since = open_since or one.now
            one.open()
        elif action == "close":
            open_since = None
            one.close()
        for _ in range(minutes):
            one.run(1)
            if open_since is not None and one.now - open_since >= REOPENED + _LOOK:
                assert one.said[-1].is_open
    for state in (True, False):
        alike = [said for said in one.said if said.is_open is state]
        assert all(after.at - before.at >= REOPENED for before, after in pairwise(alike))
    if open_since is None:
        one.run(20)
        assert not one.said or not one.said[-1].is_open
        _has_an_end_for_each_beginning(one.said)
        one.run(20)
        assert one.alert is None
        assert all(alert.told is AlertState.RESOLVED for alert in one.history)


def _has_an_end_for_each_beginning(said: list[Said]) -> None:
    begun = Counter(one.alert_id for one in said if one.word in (Word.OPENED, Word.AGAIN))
    ended = Counter(one.alert_id for one in said if one.word is Word.CLOSED)
    assert begun == ended


@given(st.lists(st.integers(0, 400), max_size=20))
def test_reminders_are_as_far_apart_as_they_should_be(asks: list[int]) -> None:
    """However often somebody asks."""
    one = Simulation()
    one.open()
    for minutes in asks:
        one.run(minutes)
        one.open()
    assert all(b.at - a.at >= REMINDED for a, b in pairwise(one.said))
    lasted = one.now - START
    assert len(one.said) >= 1 + lasted // (REMINDED + timedelta(minutes=5))


def test_a_clock_that_was_a_year_ahead_keeps_nothing_silent() -> None:
    one = Simulation(now=START + timedelta(days=365))
    one.open()
    one.now = START
    one.run(4 * 60 + 10)
    assert one.words == ["opened", "reminder"]
    one.close()
    one.run(20)
    assert one.words[-1] == "closed" and one.alert is None
