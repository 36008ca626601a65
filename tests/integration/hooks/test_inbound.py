"""What somebody answers: STOP and START change who gets text messages, all else nothing."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from local.azurite import Azurite
from shared.notifications.model import NotificationStatus
from tests.integration.hooks.conftest import ANA, BASE, EUN, World, world_of
from tests.vendors.twilio import Twilio, called

ALL = [ANA, "0151 12345678", EUN]


def answers(world: World, text: str, number: str = ANA, **more: str) -> int:
    answer = world.called(world.twilio.answered(BASE, number, text, **more))
    if answer.status_code == 200:
        assert answer.headers["content-type"].startswith("text/xml")
        root = ElementTree.fromstring(answer.text)  # noqa: S314, our own answer
        assert root.tag == "Response" and len(root) == 0, "TwiML that answers nothing"
    return answer.status_code


def test_stop_turns_them_off_for_everybody_with_this_number(world: World) -> None:
    assert answers(world, "STOP") == 200
    assert world.agreeing() == [EUN]


def test_start_turns_them_on_again(world: World) -> None:
    answers(world, "Stop")
    assert answers(world, "START") == 200
    assert world.agreeing() == ALL


def test_the_audit_says_who_said_so_and_no_number(world: World) -> None:
    answers(world, "STOP")
    answers(world, "START")
    answers(world, "STOP", "12345")
    world.twilio.opted_out.add(ANA)
    sent, _ = world.text()
    told = world.told()
    assert {one.by.name for one in told} == {"provider:twilio"}
    assert {one.subject.kind for one in told} == {"consent"}
    assert [one.after for one in told] == [
        {"opted_in": False, "owners": 2},
        {"opted_in": True, "owners": 2},
        {"opted_in": False, "owners": 2},
    ]
    assert told[-1].subject.id == sent.id
    assert "5678" not in str(told)


@pytest.mark.parametrize("text", ["Yes", "When?", "please stop", "", "🐾" * 500, "<Response>"])
def test_all_else_changes_nothing_and_is_logged_without_its_text(
    world: World, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert answers(world, text) == 200
    assert world.agreeing() == ALL
    assert "text_received" in caplog.text
    assert not text or text not in caplog.text
    assert ANA not in caplog.text


def test_twilios_own_reading_counts(world: World) -> None:
    answers(world, "ya basta", OptOutType="STOP")
    assert world.agreeing() == [EUN]


def test_a_forged_stop_changes_nothing(world: World) -> None:
    fields = {"From": ANA, "Body": "STOP", "MessageSid": "SM1"}
    forged = called(f"{BASE}/hooks/twilio/inbound", fields, token="guessed")
    assert world.called(forged).status_code == 403
    assert world.agreeing() == ALL
    assert world.refused() == {"twilio": 1}


def test_what_comes_from_a_short_code_is_nobodys(world: World) -> None:
    assert answers(world, "STOP", "12345") == 200
    assert world.agreeing() == ALL


def test_without_a_sender_it_is_told(world: World) -> None:
    answer = world.called(called(f"{BASE}/hooks/twilio/inbound", {"Body": "STOP"}))
    assert answer.status_code == 422 and "From" in answer.json()["detail"]


def test_a_refused_send_turns_them_off_as_well(world: World) -> None:
    """They answered STOP while our hook was away: Twilio refuses the next message (21610)."""
    world.twilio.opted_out.add(ANA)
    _, message = world.text()
    assert message is None
    assert world.agreeing() == [EUN]


def test_if_the_database_is_away_a_refused_send_is_a_refused_send(
    world: World, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.unlink()
    world.twilio.opted_out.add(ANA)
    entry, _ = world.text()
    assert world.entry(entry).status is NotificationStatus.SENDING
    assert "consent_unsaved" in caplog.text


def test_a_stop_that_cannot_be_kept_is_an_error_that_twilio_sees(
    azurite: Azurite, vendor: Twilio, file: Path
) -> None:
    away = world_of(azurite, vendor, file.parent / "nowhere" / "x.db")
    assert answers(away, "STOP") == 500
