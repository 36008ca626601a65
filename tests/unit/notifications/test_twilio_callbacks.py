"""What a status callback of Twilio says, what people answer, and whose fault a code is."""

from __future__ import annotations

import pytest

from shared.errors import Invalid
from shared.notifications.channels.sms.callbacks import Wish, delivery, wish
from shared.notifications.channels.sms.codes import Fault, fault
from shared.notifications.delivery import Delivery, DeliveryState

ID = "8204769999999-" + "0" * 32


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("accepted", DeliveryState.QUEUED),
        ("queued", DeliveryState.QUEUED),
        ("sending", DeliveryState.QUEUED),
        ("sent", DeliveryState.SENT),
        ("delivered", DeliveryState.DELIVERED),
        ("read", DeliveryState.DELIVERED),
        ("undelivered", DeliveryState.UNDELIVERED),
        ("failed", DeliveryState.FAILED),
        ("canceled", DeliveryState.FAILED),
    ],
)
def test_each_status_has_its_state(status: str, state: DeliveryState) -> None:
    said = delivery(ID, {"MessageSid": "SM1", "MessageStatus": status})
    assert said == Delivery(id=ID, provider_id="SM1", state=state)


def test_the_code_comes_with_it() -> None:
    fields = {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "30007"}
    said = delivery(ID, fields)
    assert said is not None and said.error_code == "30007"


def test_the_older_names_are_known_too() -> None:
    assert delivery(ID, {"SmsSid": "SM1", "SmsStatus": "sent"}) is not None


@pytest.mark.parametrize("status", ["received", "receiving", "invented"])
def test_a_status_that_says_nothing_is_no_error(status: str) -> None:
    assert delivery(ID, {"MessageSid": "SM1", "MessageStatus": status}) is None


@pytest.mark.parametrize(
    ("id", "fields", "field"),
    [
        ("", {"MessageSid": "SM1", "MessageStatus": "sent"}, "id"),
        ("7' or RowKey ne '", {"MessageSid": "SM1", "MessageStatus": "sent"}, "id"),
        (ID, {"MessageStatus": "sent"}, "MessageSid"),
        (ID, {"MessageSid": "SM1"}, "MessageStatus"),
    ],
)
def test_what_is_missing_is_named(id: str, fields: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        delivery(id, fields)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        *((word, Wish.STOP) for word in ("STOP", "stop", " Stop. ", "STOPALL", "Unsubscribe")),
        *((word, Wish.STOP) for word in ("cancel", "END", "quit", "Stopp!", "revoke", "OPTOUT")),
        *((word, Wish.START) for word in ("START", "unstop", "Start ")),
        *((word, None) for word in ("yes", "", "please stop", "stop it", "HELP", "10:00?", "🛑")),
    ],
)
def test_a_word_alone_is_a_wish(text: str, meant: Wish | None) -> None:
    assert wish({"Body": text}) is meant


def test_twilios_own_reading_counts_more_than_the_words() -> None:
    assert wish({"Body": "ya basta", "OptOutType": "STOP"}) is Wish.STOP
    assert wish({"Body": "stop", "OptOutType": "HELP"}) is None
    assert wish({"Body": "YES", "OptOutType": "START"}) is Wish.START


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        (21211, Fault.NUMBER),
        ("21610", Fault.OPTED_OUT),
        (30007, Fault.MESSAGE),
        (20003, Fault.SET_UP),
        (21612, Fault.DESTINATION),
        ("30003", Fault.PASSING),
        (99999, Fault.UNKNOWN),
        (None, Fault.UNKNOWN),
        ("", Fault.UNKNOWN),
        ("²", Fault.UNKNOWN),
        (-21211, Fault.UNKNOWN),
    ],
)
def test_each_code_is_somebodys_fault(code: int | str | None, meant: Fault) -> None:
    assert fault(code) is meant
