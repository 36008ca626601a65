"""What goes to Twilio by its own library, and what becomes of each of its answers."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from local.ports import HOST, free
from shared.errors import BelfryError, Misconfigured, Refused, Unavailable
from shared.notifications.content import Content
from shared.notifications.model import BadRecipient, Later, OptedOut, Uncertain
from tests.integration.sms.conftest import ANA, BODY, START, Office, channel_at, entry_of
from tests.vendors.twilio import ACCOUNT, SENDER, TOKEN, Answer, throttled

SERVICE_SID = "MG" + "0123456789abcdef" * 2


def test_a_message_is_twilios_request(office: Office) -> None:
    receipt = office.send()
    (asked,) = office.vendor.asked
    assert asked == {
        "To": ANA,
        "From": SENDER,
        "Body": BODY,
        "StatusCallback": f"https://belfry.example.com/hooks/twilio/status?id={entry_of().id}",
        "ValidityPeriod": "10800",
    }
    assert (receipt.provider_id, receipt.segments) == (office.vendor.sent[0].sid, 1)
    assert receipt.cost_micros is None and receipt.cost_currency == ""


def test_a_messaging_service_chooses_the_sender_and_counts_later(office: Office) -> None:
    channel = office.with_settings(TWILIO_FROM=SERVICE_SID)
    receipt = channel.send(entry_of(), Content(text=BODY))
    assert office.vendor.asked[0]["MessagingServiceSid"] == SERVICE_SID
    assert "From" not in office.vendor.asked[0]
    assert receipt.segments == 0


def test_without_a_public_url_no_callback_is_asked_for(office: Office) -> None:
    office.with_settings(PUBLIC_BASE_URL="").send(entry_of(), Content(text=BODY))
    assert "StatusCallback" not in office.vendor.asked[0]


@pytest.mark.parametrize(
    ("left", "asked"),
    [
        (timedelta(seconds=90), "90"),
        (timedelta(milliseconds=300), "1"),
        (timedelta(hours=9, minutes=59), "35940"),
        (timedelta(days=2), "36000"),
    ],
)
def test_a_message_lives_at_twilio_as_long_as_it_is_useful(
    office: Office, left: timedelta, asked: str
) -> None:
    office.send(useful_until=START + left)
    assert office.vendor.asked[0]["ValidityPeriod"] == asked


def test_any_letters_arrive_as_they_are(office: Office) -> None:
    office.send("Łapka & Pfötchen = 50% +1 🐾\n犬")
    assert office.vendor.sent[0].body == "Łapka & Pfötchen = 50% +1 🐾\n犬"


@pytest.mark.parametrize("problem", [False, True])
@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, 21211, BadRecipient),
        (400, 21614, BadRecipient),
        (400, 21635, BadRecipient),
        (400, 21610, OptedOut),
        (400, 21617, Refused),
        (400, 30007, Refused),
        (401, 20003, Misconfigured),
        (400, 21606, Misconfigured),
        (400, 21608, Unavailable),
        (400, 21612, Unavailable),
        (400, 21408, Unavailable),
        (400, 30034, Misconfigured),
        (403, None, Misconfigured),
        (404, 20404, Misconfigured),
        (302, None, Misconfigured),
        (400, 99999, Unavailable),
        (400, None, Unavailable),
        (429, 20429, Later),
        (429, None, Later),
        (400, 21611, Later),
        (500, 20500, Uncertain),
        (503, 20503, Uncertain),
        (502, None, Uncertain),
        (408, None, Uncertain),
    ],
)
def test_each_answer_has_its_meaning(
    office: Office, status: int, code: int | None, kind: type[BelfryError], problem: bool
) -> None:
    office.vendor.say(Answer(status=status, code=code, problem=problem))
    with pytest.raises(BelfryError) as caught:
        office.send()
    assert type(caught.value) is kind
    assert f"answered {status}" in str(caught.value)
    assert code is None or str(code) in str(caught.value)
    assert len(office.vendor.asked) == 1, "the library tries nothing again"


def test_a_page_of_a_proxy_is_an_answer_too(office: Office) -> None:
    for status, kind in ((502, Uncertain), (403, Misconfigured), (400, Unavailable)):
        office.vendor.say(Answer(status=status, body="<html>no</html>"))
        with pytest.raises(kind, match=str(status)):
            office.send()


@pytest.mark.parametrize(
    ("seconds", "pause"), [(700, timedelta(seconds=700)), (None, timedelta(minutes=1))]
)
def test_a_pause_that_twilio_asks_for_is_known(
    office: Office, seconds: int | None, pause: timedelta
) -> None:
    office.vendor.say(throttled(seconds))
    with pytest.raises(Later) as caught:
        office.send()
    assert caught.value.pause == pause and office.vendor.sent == []


@pytest.mark.parametrize("sends", [True, False])
@pytest.mark.parametrize(
    "answer", [{"silent": True}, {"reset": True}, {"cut": True}, {"body": ""}, {"body": "[1"}]
)
def test_of_a_lost_answer_nobody_knows(
    office: Office, answer: dict[str, object], sends: bool
) -> None:
    status = 201 if sends else 500
    office.vendor.say(Answer(status=status, sends=sends, **answer))  # type: ignore[arg-type]
    impatient = channel_at(office.vendor.url, timeouts=(5, 0.3))
    with pytest.raises(Uncertain):
        impatient.send(entry_of(), Content(text=BODY))
    assert len(office.vendor.asked) == 1 and len(office.vendor.sent) == sends


def test_a_500_that_has_sent_is_as_uncertain_as_one_that_has_not(office: Office) -> None:
    office.vendor.say(Answer(status=500, code=20500, sends=True))
    with pytest.raises(Uncertain):
        office.send()
    assert len(office.vendor.sent) == 1


def test_who_does_not_listen_has_accepted_nothing() -> None:
    (port,) = free(1)
    with pytest.raises(Unavailable, match="did not answer") as caught:
        channel_at(f"http://{HOST}:{port}").send(entry_of(), Content(text=BODY))
    assert not isinstance(caught.value, Uncertain)


def test_a_name_that_does_not_exist_has_accepted_nothing() -> None:
    with pytest.raises(Unavailable, match="did not answer") as caught:
        channel_at("http://twilio.invalid").send(entry_of(), Content(text=BODY))
    assert not isinstance(caught.value, Uncertain)


@pytest.fixture
def full() -> Iterator[str]:
    """A server that accepts no connection: its queue is full."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield f"http://{HOST}:{listener.getsockname()[1]}"
        for one in waiting:
            one.close()


def test_a_connection_that_takes_too_long_has_carried_nothing(full: str) -> None:
    with pytest.raises(Unavailable, match="ConnectTimeout") as caught:
        channel_at(full, timeouts=(0.3, 5)).send(entry_of(), Content(text=BODY))
    assert not isinstance(caught.value, Uncertain)


def test_a_message_that_is_made_and_has_failed_at_once_is_told(office: Office) -> None:
    said = '{"sid": "SM1", "status": "failed", "error_code": 21610}'
    office.vendor.say(Answer(body=said))
    with pytest.raises(OptedOut):
        office.send()


def test_an_edge_in_the_environment_sends_nothing_elsewhere(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("TWILIO_EDGE", "sydney"), ("TWILIO_REGION", "au1")):
        monkeypatch.setenv(name, value)
    office.send()
    assert len(office.vendor.sent) == 1


def test_a_wrong_token_is_told(office: Office) -> None:
    with pytest.raises(Misconfigured, match="20003"):
        channel_at(office.vendor.url, token="another-hush").send(entry_of(), Content(text=BODY))


def test_several_are_sent_at_once(office: Office) -> None:
    numbers = [f"+49151000000{n:02}" for n in range(16)]
    threads = [
        threading.Thread(target=office.send, kwargs={"address": number}) for number in numbers
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(one.to for one in office.vendor.sent) == numbers


def test_no_number_token_or_text_is_in_a_log_or_an_error(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    said = f'{{"code": 21211, "message": "{ANA}, {TOKEN} and +49 151 1234-5678 are wrong"}}'
    office.vendor.say(Answer(), Answer(status=400, body=said))
    with caplog.at_level(logging.DEBUG):
        office.send()
        with pytest.raises(BadRecipient) as caught:
            office.send()
        office.channel.look_up(entry_of())
    logged = "".join(record.getMessage() for record in caplog.records) + caplog.text
    assert "POST" in logged and "GET" in logged, "the library's own log is there"
    hidden = [ANA, ANA[1:], "1234-5678", TOKEN, "Luna", ACCOUNT]
    assert [one for one in hidden if one in logged + str(caught.value)] == []
    assert caught.value.__context__ is None, "the library's error has the number"
