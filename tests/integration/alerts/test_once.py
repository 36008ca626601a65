"""Each problem is told once, whoever says it, and whenever a process is killed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from shared.alerts.model import Alert, AlertState, Happening, Telling
from shared.alerts.of_notifications import NotificationAlerts
from shared.alerts.port import AlertKind
from shared.errors import Refused
from shared.notifications.double import Reply
from shared.notifications.model import NotificationStatus
from shared.storage.tables.batch import Upsert
from tests.context import job_of
from tests.integration.alerts.conftest import ANA, Desk

SPEND, DEAD = AlertKind.SPEND_EXCEEDED, AlertKind.JOB_DEAD


class Killed(BaseException):
    """The process was killed here."""


def test_a_problem_has_a_beginning_reminders_and_an_end(desk: Desk) -> None:
    desk.alerts.open(SPEND, "2026-03-01", "61.20 of 50.00 EUR")
    desk.alerts.open(SPEND, "2026-03-01", "61.20 of 50.00 EUR")
    assert desk.said() == ["Spend exceeded: 2026-03-01"]
    assert desk.vendors.mailed() == [ANA]
    desk.run(5 * 60)
    desk.alerts.close(SPEND, "2026-03-01", "a person resumed it")
    desk.alerts.close(SPEND, "2026-03-01", "a person resumed it")
    expected = ["", "Still: ", "Over: "]
    assert desk.said() == [f"{one}Spend exceeded: 2026-03-01" for one in expected]
    assert [one.recipient for one in desk.entries("mail")] == [ANA] * 3
    text = desk.entries("slack")[0].text
    assert "61.20 of 50.00 EUR" in text and "docs/alerts.md#spend_exceeded" in text
    desk.run(30)
    assert desk.alerts.all(10)[0].state is AlertState.RESOLVED
    assert desk.alerts._book.current() == []


def test_what_is_over_and_was_never_open_is_not_told(desk: Desk) -> None:
    desk.alerts.close(SPEND, "2026-03-01", "fine")
    assert desk.entries() == [] and desk.alerts.all(10) == []


@pytest.mark.parametrize("at", ["tell", "write"])
def test_a_process_killed_between_row_and_telling_loses_and_doubles_nothing(
    desk: Desk, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anybody was told, and when they were told but the row does not say so."""
    victim = desk.another()
    part: Any = victim.alerts._teller if at == "tell" else victim.alerts._book
    real, calls = getattr(part, at), 0

    def killed(*given: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if at == "tell" or calls == 2:  # the second write is the one after the telling
            raise Killed
        return real(*given, **more)

    monkeypatch.setattr(part, at, killed)
    with pytest.raises(Killed):
        victim.alerts.open(SPEND, "day", "much")
    assert len(desk.said()) == (0 if at == "tell" else 1)
    desk.run(5)
    assert desk.said() == ["Spend exceeded: day"]
    desk.later(minutes=1)
    desk.alerts.close(SPEND, "day", "fine")
    assert desk.said() == ["Spend exceeded: day", "Over: Spend exceeded: day"]


def test_of_two_processes_that_say_it_at_once_one_tells(desk: Desk) -> None:
    desks = [desk, *(desk.another() for _ in range(3))]
    together = threading.Barrier(len(desks))

    def act(one: Desk) -> None:
        together.wait()
        one.alerts.open(SPEND, "day", "much")
        one.alerts.happened(DEAD, "nightly", "it failed", key="job-1")

    with ThreadPoolExecutor(len(desks)) as pool:
        list(pool.map(act, desks))
    assert sorted(desk.said()) == ["Job dead: nightly", "Spend exceeded: day"]
    (dead,) = [one for one in desk.alerts.all(10) if one.kind is DEAD]
    assert dead.count == 1


def test_two_monitors_at_once_send_one_reminder(desk: Desk) -> None:
    desk.alerts.open(SPEND, "day", "much")
    desk.later(hours=4)
    desks = [desk.another() for _ in range(4)]
    with ThreadPoolExecutor(len(desks)) as pool:
        list(pool.map(Desk.watch, desks))
    assert desk.said() == ["Spend exceeded: day", "Still: Spend exceeded: day"]


def test_an_event_counts_once_however_often_it_is_said(desk: Desk) -> None:
    for number in (1, 2, 2, 1):
        desk.alerts.happened(DEAD, f"s{number}", "it failed", key=f"job-{number}")
    some = [Happening(about=f"s{one}", text="t", key=f"job-{one}") for one in (2, 3, 3)]
    desk.alerts.all_happened(DEAD, some)
    assert desk.alerts.all(1)[0].count == 3
    desk.run(90)
    assert desk.said() == [
        "Job dead: s1",
        "Job dead, 2 more, 3 in all",
        "Over: Job dead, 3 in all",
    ]


def test_ten_thousand_events_are_few_messages(desk: Desk) -> None:
    for start in range(0, 10_000, 500):
        some = [
            Happening(about=f"s{one}", text="t", key=f"j{one}") for one in range(start, start + 500)
        ]
        desk.alerts.all_happened(DEAD, some)
        desk.later(seconds=20)
    desk.run(100)
    assert len(desk.said()) <= 4
    assert desk.said()[-1] == "Over: Job dead, 10000 in all"


def test_what_the_chat_refuses_for_a_while_is_sent_later(desk: Desk) -> None:
    desk.vendors.say("slack", Reply(503, "later"))
    desk.alerts.open(SPEND, "day", "much")
    assert [one.status for one in desk.entries("slack")] == [NotificationStatus.FAILED]
    desk.run(5)
    assert [one.status for one in desk.entries("slack")] == [NotificationStatus.SENT]


def test_a_row_that_cannot_be_read_is_told_anew_and_harms_no_other(desk: Desk) -> None:
    for day in ("one", "two"):
        desk.alerts.open(SPEND, day, "much")
    book = desk.alerts._book
    damaged = book.current()[0]
    book.change([Upsert(f"now:{damaged.digest}", {"kind": "what"})])
    desk.watch()
    assert len(desk.alerts.all(10)) == 1
    desk.later(minutes=1)
    desk.alerts.open(SPEND, damaged.about, "much")
    assert desk.said().count(f"Spend exceeded: {damaged.about}") == 2
    assert len(book.current()) == 2


def test_history_and_the_keys_of_events_are_removed_in_time(desk: Desk) -> None:
    desk.alerts.happened(DEAD, "s", "t", key="job-1")
    desk.run(90)
    assert desk.alerts._book.current() == [] and len(desk.alerts.all(10)) == 1
    at = desk.engine.clock.now().replace(hour=14, minute=3)
    for days, history, keys in ((6, 1, 1), (8, 1, 0), (91, 0, 0)):
        desk.engine.clock.set(at + timedelta(days=days))
        desk.watch()
        assert len(desk.alerts.all(10)) == history
        assert len(list(desk.alerts._book.rows("event:"))) == keys


def test_a_rehearsal_says_what_would_be_told_and_changes_nothing(desk: Desk) -> None:
    desk.alerts.open(SPEND, "day", "much")
    desk.later(hours=5)
    before = list(desk.alerts._book.rows("now:"))
    job = job_of(dry_run=True, clock=desk.engine.clock)
    assert desk.alerts.watch(job) == {"would_tell": ["Still: Spend exceeded: day"]}
    assert list(desk.alerts._book.rows("now:")) == before and len(desk.said()) == 1


def test_what_could_not_be_sent_is_tried_again_by_the_next_invocation(desk: Desk) -> None:
    desk.vendors.say("slack", Reply(503, "later"))
    desk.engine.app.clocks._alarm._alerts.open("clock_silent", "x", "t")
    assert [one.status for one in desk.entries("slack")] == [NotificationStatus.FAILED]
    desk.later(seconds=61)
    desk.engine.app.clocks.stand_in()
    assert [one.status for one in desk.entries("slack")] == [NotificationStatus.SENT]


def test_what_the_notifications_say_of_themselves_becomes_alerts(desk: Desk) -> None:
    said = NotificationAlerts(lambda: desk.alerts)
    said.circuit_opened("twilio", "five failures in a row")
    said.circuit_opened("twilio", "five failures in a row")
    said.cap_reached("tenant 7", "250 messages", key="cap:7:2026-03-01")
    said.cap_reached("tenant 7", "250 messages", key="cap:7:2026-03-01")
    said.circuit_closed("twilio", "a probe got through")
    for _ in range(2):
        said.message_unknown("tenant 7", "appointment_reminder_24h 1: who knows", key="unknown:1")
    assert sorted(desk.said()) == [
        "Cap reached: tenant 7",
        "Circuit opened: twilio",
        "Message unknown: tenant 7",
        "Over: Circuit opened: twilio",
    ]


def test_an_alert_that_cannot_be_told_keeps_no_other_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in ("one", "two", "three"):
        desk.alerts.open(SPEND, day, "much")
    desk.later(hours=4)
    tell = desk.alerts._teller.tell

    def refusing(alert: Alert, telling: Telling) -> None:
        if alert.about == "two":
            raise Refused("table storage", "no")
        tell(alert, telling)

    monkeypatch.setattr(desk.alerts._teller, "tell", refusing)
    with pytest.raises(Refused):
        desk.watch()
    assert sorted(desk.said())[-2:] == [
        "Still: Spend exceeded: one",
        "Still: Spend exceeded: three",
    ]
    monkeypatch.undo()
    desk.watch()
    assert "Still: Spend exceeded: two" in desk.said() and len(desk.said()) == 6
