"""Mails to addresses that schedules name: once, and so many a project and day (C12)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.errors import Invalid
from shared.notifications import channels, kinds
from shared.notifications.double import Reply
from shared.notifications.mailing import MAILS_A_DAY, Mailing
from shared.notifications.model import Entry, NotificationStatus
from shared.notifications.problems import Nobody
from shared.notifications.service import Notifications
from tests.integration.notifications.conftest import ANA, START, Office

READY = kinds.kind("export_ready").sample
TEAM, BOSS = "team@example.org", "boss@example.org"


class Told(Nobody):
    """Remembers of which caps it was told."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def cap_reached(self, about: str, text: str, *, key: str) -> None:
        del about, text
        self.keys.append(key)


def ask(
    of: Notifications, key: str, *to: str, project_id: int | None = 7, kind: str = "export_ready"
) -> list[Entry]:
    return of.mail(key=key, kind=kind, to=to, project_id=project_id, data=READY)


def test_each_address_gets_one_and_administrators_none(office: Office) -> None:
    first = ask(office.notifications(), "export:1", TEAM, BOSS, TEAM.upper())
    again = ask(office.notifications(), "export:1", TEAM, BOSS)
    assert office.vendors.mailed() == [TEAM, BOSS]
    assert [one.id for one in again] == [one.id for one in first]
    assert all(one.status is NotificationStatus.SENT for one in again)
    said = office.vendors.to("mail")[0].body
    html = next(one["value"] for one in said["content"] if one["type"] == "text/html")
    assert str(READY["link"]) in html


def test_a_project_has_a_cap_a_day_of_its_own_which_a_repetition_does_not_use_up(
    office: Office,
) -> None:
    told = Told()
    sender = Notifications(
        office.outbox(),
        channels.senders(office.settings(SENDGRID_API_KEY="", MAIL_FROM="").channels),
        lambda: [ANA],
        office.clock,
        problems=told,
    )
    to = [f"{n}@example.org" for n in range(20)]
    for n in range(MAILS_A_DAY // 20):
        assert len(ask(sender, f"export:{n}", *to)) == 20
    assert len(ask(office.notifications(), "export:0", *to)) == 20  # asked for before
    assert ask(sender, "export:more", TEAM, BOSS) == [] == ask(sender, "export:more", TEAM)
    assert told.keys == [f"mail:project:7:{START:%Y-%m-%d}"]
    assert len(ask(sender, "export:other", TEAM, project_id=8)) == 1
    assert len(ask(sender, "export:company", TEAM, project_id=None)) == 1
    office.clock.advance(timedelta(days=1))
    assert len(ask(sender, "export:more", TEAM, BOSS)) == 2


def test_what_is_counted_and_not_stored_is_counted_once(office: Office) -> None:
    """Killed between the two, and begun again."""
    from shared.notifications import asking

    drafts = asking.report("export_ready", "export:1", READY, [TEAM])
    mailing = Mailing(office.outbox(), Nobody(), office.clock)
    for _ in range(MAILS_A_DAY + 1):
        assert mailing.granted(drafts, 7) == drafts


def test_a_mail_that_is_refused_holds_up_nobody(office: Office) -> None:
    office.vendors.say("mail", *[Reply(400, "bad address")] * 5)
    for n in range(5):
        ask(office.notifications(), f"export:{n}", f"a..b{n}@example.org")
    done = office.notifications().mail_administrators(key="k", subject="s", text="t")
    assert {one.status for one in done} == {NotificationStatus.SENT}


@pytest.mark.parametrize(
    ("kind", "to", "wrong"),
    [
        ("cost_report", [TEAM], "kind: cost_report does not go to addresses that schedules name"),
        ("appointment_reminder_2h", [TEAM], "kind: "),
        ("export_ready", [], "to: give 1 to 20 addresses; these are 0"),
        ("export_ready", [f"{n}@example.org" for n in range(21)], "these are 21"),
    ],
)
def test_what_is_no_such_mail_is_refused(
    office: Office, kind: str, to: list[str], wrong: str
) -> None:
    with pytest.raises(Invalid, match=wrong):
        ask(office.notifications(), "k", *to, kind=kind)
    assert office.all() == []
