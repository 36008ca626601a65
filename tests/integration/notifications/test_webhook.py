"""What a webhook of one's own gets: JSON, signed as Standard Webhooks has it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest

from shared.errors import Misconfigured
from shared.notifications.channels.webhook.sender import headers
from shared.notifications.double import Reply
from shared.notifications.model import Entry
from shared.settings import Secret
from tests.integration.notifications.conftest import START, Office
from tests.integration.notifications.vendors import DOUBLES, Got, settings_of

KEY = DOUBLES["webhook"].settings("")["WEBHOOK_SECRET"]


def alerted(office: Office, **changes: str) -> Entry:
    office.administrators = ()
    off = {name: "" for one in DOUBLES if one != "webhook" for name in settings_of([one], "")}
    done = office.notifications(**off | changes).alert(key="k", subject="Down", text="犬 is down")
    return next(one for one in done if one.channel == "webhook")


def is_signed(got: Got, key: str) -> bool:
    """Whether the request is signed, by the bytes that came."""
    at, id = got.headers["webhook-timestamp"], got.headers["webhook-id"]
    said = f"{id}.{at}.".encode() + got.raw
    secret = base64.b64decode(key.removeprefix("whsec_"))
    made = base64.b64encode(hmac.new(secret, said, hashlib.sha256).digest()).decode()
    return got.headers["webhook-signature"] == f"v1,{made}"


def test_it_gets_what_happened(office: Office) -> None:
    entry = alerted(office)
    (got,) = office.vendors.to("webhook")
    assert got.body == {
        "kind": "",
        "subject": "Down",
        "text": "犬 is down",
        "key": "k",
        "created_at": "2026-11-21T03:00:00Z",
    }
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["webhook-id"] == entry.id


def test_it_can_check_who_sent_it(office: Office) -> None:
    alerted(office)
    (got,) = office.vendors.to("webhook")
    assert is_signed(got, KEY)
    assert not is_signed(got, "whsec_" + base64.b64encode(b"x" * 24).decode())


def test_a_repetition_has_the_same_id_and_a_time_of_its_own(office: Office) -> None:
    office.vendors.say("webhook", Reply(500))
    entry = alerted(office)
    assert entry.next_at is not None
    office.later(entry.next_at - START)
    first, second = office.vendors.to("webhook")
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == entry.id
    assert int(first.headers["webhook-timestamp"]) == int(START.timestamp())
    assert int(second.headers["webhook-timestamp"]) == int(entry.next_at.timestamp())
    assert is_signed(second, KEY)


def test_without_a_key_it_is_not_signed(office: Office) -> None:
    alerted(office, WEBHOOK_SECRET="")
    (got,) = office.vendors.to("webhook")
    assert "webhook-signature" not in got.headers and "webhook-id" in got.headers


@pytest.mark.parametrize("key", ["hush", "whsec_hush", "whsec_" + "A" * 28, "whsec_" + "A" * 120])
def test_a_key_that_is_none_is_told_without_showing_it(office: Office, key: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        office.settings(WEBHOOK_SECRET=key)
    assert "WEBHOOK_SECRET is ***; use whsec_" in str(caught.value)


def test_the_published_example_is_signed_as_it_is_published() -> None:
    """https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/python"""
    body = json.dumps({"test": 2432232314}, separators=(", ", ": ")).encode()
    made = headers(Secret(KEY), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
