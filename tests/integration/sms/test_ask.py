"""What Twilio is asked after an unknown outcome, and later for the price."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.errors import Misconfigured, NotFound, Unavailable
from shared.notifications.content import Content
from shared.notifications.delivery import DeliveryState
from shared.notifications.model import Uncertain
from tests.integration.sms.conftest import ANA, START, Office, channel_at, entry_of
from tests.vendors.twilio import Answer

MINUTE = timedelta(minutes=1)


def lose(office: Office) -> None:
    """Twilio makes the message, and its answer is lost."""
    office.vendor.say(Answer(sends=True, reset=True))
    with pytest.raises(Uncertain):
        office.send()


def test_a_message_whose_answer_was_lost_is_found(office: Office) -> None:
    lose(office)
    office.clock.advance(10 * MINUTE)
    found = office.channel.look_up(entry_of())
    assert found is not None and found.provider_id == office.vendor.sent[0].sid


def test_one_that_still_waits_at_twilio_is_found_too(office: Office) -> None:
    lose(office)
    assert office.vendor.sent[0].shown()["date_sent"] is None
    assert office.channel.look_up(entry_of()) is not None


def test_one_by_a_messaging_service_is_found(office: Office) -> None:
    service = "MG" + "0123456789abcdef" * 2
    channel = channel_at(office.vendor.url, sender=service)
    channel.send(entry_of(), Content(text=entry_of().text))
    assert channel.look_up(entry_of()) is not None
    assert office.channel.look_up(entry_of()) is None, "another sender's"


def test_one_that_was_never_made_is_not_found(office: Office) -> None:
    assert office.channel.look_up(entry_of()) is None


@pytest.mark.parametrize(
    "other",
    [
        {"address": "+4915112345679"},
        {"text": "another text"},
        {"claimed_at": START + 6 * MINUTE},
        {"claimed_at": START - 61 * MINUTE},
    ],
)
def test_another_message_is_not_taken_for_it(office: Office, other: dict[str, object]) -> None:
    office.send()
    assert office.channel.look_up(entry_of()) is not None
    assert office.channel.look_up(entry_of(**other)) is None


def test_it_is_found_behind_pages_of_others(office: Office) -> None:
    office.send("an older one")
    office.send()
    for n in range(120):
        office.send(f"number {n}")
    assert office.channel.look_up(entry_of()) is not None


def test_a_look_up_reads_no_further_than_the_time_of_the_attempt(office: Office) -> None:
    for n in range(120):
        office.send(f"number {n}")
    office.clock.advance(timedelta(days=1))
    assert office.channel.look_up(entry_of(claimed_at=office.clock.now())) is None


def test_a_trial_accounts_first_words_are_not_part_of_the_text(office: Office) -> None:
    office.send()
    office.vendor.sent[0].body = f"Sent from your Twilio trial account - {entry_of().text}"
    assert office.channel.look_up(entry_of()) is not None


def test_if_twilio_does_not_answer_nobody_knows(office: Office) -> None:
    with pytest.raises(Unavailable):
        channel_at("http://127.0.0.1:9").look_up(entry_of())
    with pytest.raises(Misconfigured, match="20003"):
        channel_at(office.vendor.url, token="another-hush").look_up(entry_of())


def test_the_price_is_there_when_twilio_has_it(office: Office) -> None:
    office.send()
    (message,) = office.vendor.sent
    entry = entry_of(provider_id=message.sid)
    before = office.channel.fetch(entry)
    assert (before.id, before.provider_id) == (entry.id, message.sid)
    assert (before.state, before.cost_micros) == (DeliveryState.QUEUED, None)
    message.status, message.price, message.segments = "delivered", "-0.01580", 2
    after = office.channel.fetch(entry)
    assert after.state is DeliveryState.DELIVERED
    assert (after.segments, after.cost_micros, after.cost_currency) == (2, 15_800, "USD")


def test_of_one_that_did_not_arrive_the_code_is_told(office: Office) -> None:
    office.send()
    (message,) = office.vendor.sent
    message.status, message.error_code = "undelivered", 30003
    news = office.channel.fetch(entry_of(provider_id=message.sid))
    assert (news.state, news.error_code) == (DeliveryState.UNDELIVERED, "30003")


def test_what_twilio_has_no_more_is_not_found(office: Office) -> None:
    with pytest.raises(NotFound):
        office.channel.fetch(entry_of(provider_id="SM" + "0" * 32))


def test_a_number_with_signs_is_asked_for_as_it_is(office: Office) -> None:
    office.send(address=ANA)
    assert office.channel.look_up(entry_of(address=ANA.replace("+", " "))) is None
