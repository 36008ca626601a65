"""What SendGrid's events say, and which requests count as SendGrid's: by the example that its own
library is tested with, and by broken ones."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.notifications.channels.mail import events
from shared.notifications.delivery import Delivery, DeliveryState
from shared.settings import Secret

# https://github.com/sendgrid/sendgrid-python/blob/main/test/unit/test_eventwebhook.py
KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2f"
    "NNRaINXvVpiglSI8eNEc6wEA3F+g=="
)
SIGNATURE = (
    "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZt"
    "M="
)
TIMESTAMP = "1600112502"
BODY = (
    b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",'
    b'"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",'
    b'"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",'
    b'"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]'
    b"\r\n"
)
NOW = datetime.fromtimestamp(int(TIMESTAMP), UTC)
OTHER_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqTxd43gyp8IOEto2LdIfjRQrIbsd4SXZkLW6jDutdhXSJCWHw8REntlo7a"
    "NDthvj+y7GjUuFDb/R1NGe1OPzpA=="
)
ID = "8204769999999-" + "0" * 32


def signed(
    body: bytes = BODY,
    signature: str | None = SIGNATURE,
    timestamp: str | None = TIMESTAMP,
    key: str = KEY,
    now: datetime = NOW,
) -> bool:
    given = {events.SIGNATURE: signature, events.TIMESTAMP: timestamp}
    headers = {name: value for name, value in given.items() if value is not None}
    return events.is_signed(body, headers, Secret(key), now)


def test_the_published_example_is_signed() -> None:
    assert signed()


def test_another_body_time_or_key_is_not_signed() -> None:
    assert not signed(body=BODY.strip())
    assert not signed(timestamp="1600112503")
    assert not signed(key=OTHER_KEY)
    assert not signed(key="")


@pytest.mark.parametrize("signature", [None, "", "x", "ü", SIGNATURE[:-4], "A" * 96])
def test_what_is_no_signature_is_none(signature: str | None) -> None:
    assert not signed(signature=signature)


@pytest.mark.parametrize("timestamp", [None, "", "now", "-1", "1e9", "9" * 30, "١٦٠٠١١٢٥٠٢"])
def test_what_is_no_time_is_none(timestamp: str | None) -> None:
    assert not signed(timestamp=timestamp)


@pytest.mark.parametrize("key", [base64.b64encode(b"no key").decode(), "!", "MFkw"])
def test_what_is_no_key_signs_nothing(key: str) -> None:
    assert not signed(key=key)


def test_an_old_signature_does_not_count_nor_one_of_the_future() -> None:
    edge = timedelta(minutes=10)
    assert signed(now=NOW + edge) and signed(now=NOW - edge)
    assert not signed(now=NOW + edge + timedelta(seconds=1))
    assert not signed(now=NOW - edge - timedelta(seconds=1))


def told(*found: Any) -> list[Delivery]:
    return list(events.deliveries(json.dumps(found).encode()))


def event(**given: Any) -> dict[str, Any]:
    message = "LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-5F5FC76C-9.0"
    return {"notification_id": ID, "sg_message_id": message, "sg_event_id": "x"} | given


@pytest.mark.parametrize(
    ("name", "more", "state", "code"),
    [
        ("processed", {}, DeliveryState.QUEUED, None),
        ("deferred", {"status": "4.2.2", "reason": "busy"}, DeliveryState.QUEUED, None),
        ("delivered", {"response": "250 OK"}, DeliveryState.DELIVERED, None),
        ("bounce", {"status": "5.1.1", "type": "bounce"}, DeliveryState.UNDELIVERED, "5.1.1"),
        ("bounce", {"reason": "500 unknown\nrecipient"}, DeliveryState.UNDELIVERED, "500 unknown"),
        ("dropped", {"reason": "Bounced Address"}, DeliveryState.FAILED, "Bounced Address"),
    ],
)
def test_each_event_has_its_meaning(
    name: str, more: dict[str, str], state: DeliveryState, code: str | None
) -> None:
    (news,) = told(event(event=name, **more))
    assert (news.id, news.provider_id, news.state) == (ID, "LRzXl_NHStOGhQ4kofSm_A", state)
    assert (news.error_code or "").startswith(code or "") and bool(code) == bool(news.error_code)


def test_what_is_not_ours_or_says_nothing_is_left_out() -> None:
    others: list[Any] = [
        event(event="open"),
        event(event="delivered", notification_id="../../etc"),
        event(event="delivered", notification_id=None),
        {"event": "delivered", "email": "hello@world.com"},
        {"event": ["delivered"], "notification_id": ID},
        {},
        None,
        7,
        [],
    ]
    assert told(*others) == []


def test_an_event_that_is_repeated_counts_once() -> None:
    assert len(told(event(event="delivered"), event(event="delivered", sg_event_id="y"))) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"7", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_list_of_events_is_told(body: bytes) -> None:
    with pytest.raises(Invalid, match="body"):
        list(events.deliveries(body))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)
NAMES = st.sampled_from(["event", "notification_id", "sg_message_id", "status", "reason"])


@given(st.lists(st.dictionaries(NAMES, JSON | st.just(ID) | st.just("bounce")), max_size=4))
def test_nothing_that_is_json_breaks_it(found: list[dict[str, Any]]) -> None:
    for one in told(*found):
        assert one.id == ID
