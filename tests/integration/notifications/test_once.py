"""Each notification is sent once to each recipient, whoever asks again, and none is lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from shared.errors import NotFound
from shared.notifications import states
from shared.notifications.content import Receipt
from shared.notifications.double import Reply
from shared.notifications.model import MAIL, NotificationStatus, draft
from shared.notifications.service import Notifications
from shared.storage.tables.batch import Merge
from tests.integration.notifications.conftest import ANA, EUN, START, Office
from tests.integration.notifications.vendors import CHATS

HELD = timedelta(minutes=10)
JOB = "postgres_backup-20261121T030000Z"


def test_every_administrator_gets_one_mail_and_its_status_is_kept(office: Office) -> None:
    done = office.notifications().mail_administrators(
        key=JOB, subject="Backup proved", text="All good."
    )
    assert office.vendors.mailed() == [ANA, EUN]
    assert [(one.recipient, one.status, one.provider_id, one.sent_at) for one in done] == [
        (ANA, NotificationStatus.SENT, "sg-1", START),
        (EUN, NotificationStatus.SENT, "sg-1", START),
    ]
    assert {one.id: one for one in office.all()} == {one.id: one for one in done}


def test_asked_again_only_the_new_administrator_gets_it(office: Office) -> None:
    office.notifications().mail_administrators(key=JOB, subject="s", text="t")
    office.administrators = (ANA.upper(), EUN, ANA, "new@example.com")
    office.clock.advance(timedelta(days=2))
    office.notifications().mail_administrators(key=JOB, subject="s", text="t")
    assert office.vendors.mailed() == [ANA, EUN, "new@example.com"]


def test_another_key_is_another_notification(office: Office) -> None:
    for key in (JOB, f"{JOB}-failed"):
        office.notifications().mail_administrators(key=key, subject="s", text="t")
    assert office.vendors.mailed() == [ANA, EUN, ANA, EUN]


def test_an_alert_goes_by_every_way_that_is_set_up(office: Office) -> None:
    office.notifications().alert(key="down", subject="s", text="t")
    office.notifications().alert(key="down", subject="s", text="t")
    asked = [*CHATS, "mail", "mail"]
    assert [one.vendor for one in office.vendors.got] == asked


def test_a_way_that_is_not_set_up_is_not_written_down(office: Office) -> None:
    notifications = office.notifications(SLACK_WEBHOOK_URL="")
    notifications.alert(key="down", subject="s", text="t")
    assert {one.channel for one in office.all()} == {*CHATS, MAIL} - {"slack"}


def test_two_that_send_at_once_send_it_once(office: Office) -> None:
    office.administrators = (ANA,)
    notifications = [office.notifications() for _ in range(4)]
    office.outbox().facts()  # the table is there
    together = threading.Barrier(len(notifications))

    def send(number: int) -> None:
        together.wait()
        notifications[number].mail_administrators(key=JOB, subject="s", text="t")

    with ThreadPoolExecutor(len(notifications)) as pool:
        list(pool.map(send, range(len(notifications))))
    assert office.vendors.mailed() == [ANA]
    assert [(one.status, one.attempts) for one in office.all()] == [(NotificationStatus.SENT, 1)]


def test_while_one_sends_it_a_flush_leaves_it_alone(office: Office) -> None:
    office.administrators = (ANA,)
    office.vendors.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(
            office.notifications().mail_administrators, key=JOB, subject="s", text="t"
        )
        assert office.vendors.entered.wait(30)
        assert office.notifications().flush(START + HELD - timedelta(seconds=1)) == []
        office.vendors.gate.set()
        assert [one.status for one in sending.result()] == [NotificationStatus.SENT]
    assert office.vendors.mailed() == [ANA]


class Killed(BaseException):
    """The process ended here."""


def test_killed_before_the_sending_it_is_sent_by_the_next_flush(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    notifications = office.notifications()
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(notifications._outbox, "claim", _killed)
        notifications.mail_administrators(key=JOB, subject="s", text="t")
    assert [one.status for one in office.all()] == [
        NotificationStatus.QUEUED,
        NotificationStatus.QUEUED,
    ]
    assert office.vendors.got == []
    office.later(timedelta(0))
    assert sorted(office.vendors.mailed()) == [ANA, EUN]


def test_killed_between_the_sending_and_its_note_it_is_sent_again_after_ten_minutes(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    notifications = office.notifications()
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(notifications._outbox, "update", _killed)
        notifications.mail_administrators(key=JOB, subject="s", text="t")
    assert office.vendors.mailed() == [ANA]
    office.notifications().mail_administrators(key=JOB, subject="s", text="t")
    assert office.vendors.mailed() == [ANA, EUN], "the job's second attempt goes on from there"
    assert office.later(HELD - timedelta(seconds=1)) == []
    assert [one.status for one in office.later(timedelta(seconds=1))] == [NotificationStatus.SENT]
    assert office.vendors.mailed() == [ANA, EUN, ANA]
    assert office.later(timedelta(days=1)) == []


def test_what_was_sent_stays_sent_though_another_took_it_over(office: Office) -> None:
    outbox, notifications = office.outbox(), office.notifications()
    notifications.mail_administrators(key=JOB, subject="s", text="t")
    office.administrators = (ANA,)
    office.vendors.say("mail", Reply(503))
    (first,) = notifications.mail_administrators(key="slow", subject="s", text="t")
    slow = outbox.claim(first, START + timedelta(minutes=1))
    assert slow is not None
    other = outbox.claim(slow, START + timedelta(minutes=1) + HELD)
    assert other is not None
    sent = partial(states.sent, receipt=Receipt(provider_id="slow-1"), now=START)
    assert outbox.update(slow, sent).status is NotificationStatus.SENT
    failed = partial(states.failed, holder=other.holder, error="away", again=START)
    assert outbox.update(other, failed).status is NotificationStatus.SENT
    assert outbox.get(first.id).provider_id == "slow-1"
    assert office.later(timedelta(days=1)) == []


def test_an_attempt_that_never_ends_is_given_up_after_six(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.administrators = (ANA,)
    for _ in range(6):
        notifications = office.notifications()
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(notifications._outbox, "update", _killed)
            notifications.mail_administrators(key=JOB, subject="s", text="t")
        office.clock.advance(HELD)
    (given_up,) = office.notifications().flush(office.clock.now())
    assert (given_up.status, given_up.next_at) == (NotificationStatus.FAILED, None)
    assert given_up.error is not None and "no attempt came to its end" in given_up.error
    assert len(office.vendors.got) == 6


def forget(notifications: Notifications, office: Office) -> int:
    hour = timedelta(hours=1)
    return notifications.forget(office.clock.now(), longest=hour, stop=threading.Event())


def old(office: Office, count: int) -> None:
    """So many that are finished, and an hour later."""
    outbox = office.outbox()
    for number in range(count):
        kept = draft(key=f"old{number}", channel="slack", recipient="", subject="s", text="t")
        outbox.put(kept, office.clock.now(), kept="for this test")
    office.clock.advance(timedelta(hours=1))


def test_many_are_forgotten_together_and_only_as_long_as_there_is_time(office: Office) -> None:
    old(office, 120)
    goes = iter([True, False])
    assert office.outbox().forget(office.clock.now(), lambda: next(goes)) == 50
    stop = threading.Event()
    stop.set()
    late = office.clock.now() + timedelta(days=401)
    notifications = office.notifications()
    assert notifications.forget(late, longest=timedelta(0), stop=threading.Event()) == 0
    assert notifications.forget(late, longest=timedelta(hours=1), stop=stop) == 0
    assert notifications.forget(late, longest=timedelta(hours=1), stop=threading.Event()) == 70
    assert list(office.table().query("", top=100)) == []


def test_two_that_forget_at_once_leave_nothing_and_fail_neither(office: Office) -> None:
    old(office, 60)
    before = office.clock.now()
    with ThreadPoolExecutor() as both:
        gone = [both.submit(office.outbox().forget, before, lambda: True) for _ in range(2)]
        assert sum(one.result() for one in gone) == 60
    assert office.all() == []


def test_one_that_is_still_of_use_is_not_forgotten(office: Office) -> None:
    """Its task may ask for it until its occasion is over, and then it must be known."""
    wanted = draft(key="far", channel="slack", recipient="", subject="s", text="t")
    ahead = replace(wanted, useful_until=office.clock.now() + timedelta(days=500))
    office.outbox().put(ahead, office.clock.now(), kept="for this test")
    office.clock.advance(timedelta(days=500 + 400))
    assert forget(office.notifications(), office) == 0
    office.clock.advance(timedelta(days=1))
    assert forget(office.notifications(), office) == 1


def test_notifications_are_forgotten_when_nothing_is_to_be_done_any_more(office: Office) -> None:
    notifications = office.notifications()
    notifications.mail_administrators(key="old", subject="s", text="t")
    office.vendors.say("slack", Reply(500))
    notifications.alert(key="waits", subject="s", text="t")
    office.clock.advance(timedelta(days=400) - timedelta(seconds=1))
    notifications.mail_administrators(key="new", subject="s", text="t")
    assert forget(notifications, office) == 0
    office.clock.advance(timedelta(seconds=1))
    assert forget(notifications, office) == 2 + len(CHATS) - 1 + 2
    assert [(one.key, one.status.value) for one in office.all()] == [
        ("new", "sent"),
        ("new", "sent"),
        ("waits", "failed"),
    ]
    rows = [row["RowKey"] for row in office.table().query("", top=100)]
    assert len([key for key in rows if key.startswith("key:")]) == 3


def test_a_row_that_somebody_garbled_stops_no_other(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    notifications = office.notifications()
    office.vendors.say("slack", Reply(500))
    office.vendors.say("teams", Reply(500))
    notifications.alert(key="down", subject="s", text="t")
    (slack,) = office.all(channel="slack")
    garbled = Merge(f"message:{slack.id}", "*", {"attempts": "many", "created_at": "yesterday"})
    assert office.table().transact("messages", [garbled]).committed
    assert [one.channel for one in office.later(timedelta(minutes=1))] == ["teams"]
    assert len(office.all()) == len(CHATS) + 2 - 1
    assert "cannot be read" in caplog.text


def test_lists_are_newest_first_filtered_and_in_pages(office: Office) -> None:
    notifications = office.notifications()
    office.administrators = (ANA,)
    for number in range(5):
        notifications.alert(key=f"k{number}", subject="s", text="t")
        office.clock.advance(timedelta(seconds=1))
    found, total = notifications.page(NotificationStatus.SENT, "slack", 2, 2)
    assert ([one.key for one in found], total) == (["k2", "k1"], 5)
    assert notifications.page(NotificationStatus.SENT, "slack", 4, 2) == ([], 5)
    assert notifications.page(NotificationStatus.KEPT, None, 1, 2) == ([], 0)
    assert notifications.page(None, None, 1, 100)[1] == 5 * len([*CHATS, MAIL])


@pytest.mark.parametrize("id", ["", "x", "' or '", "8204737599999-" + "0" * 32])
def test_a_notification_that_is_not_there_is_not_found(office: Office, id: str) -> None:
    with pytest.raises(NotFound):
        office.notifications().get(id)


def _killed(*_: object, **__: object) -> None:
    raise Killed
