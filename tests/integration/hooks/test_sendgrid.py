"""What becomes of SendGrid's events: of signed ones, of repeated ones, of forged ones."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from local.azurite import Azurite
from shared.notifications.model import MAIL, Entry, NotificationStatus, draft
from shared.notifications.rows import PARTITION, notification_key
from shared.storage.names import Names
from shared.storage.tables.batch import Merge
from tests.integration.hooks.conftest import BASE, World, world_of
from tests.integration.notifications.vendors import Vendors, vendors
from tests.vendors.twilio import Twilio

PRIVATE = ec.generate_private_key(ec.SECP256R1())
PUBLIC = base64.b64encode(
    PRIVATE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
URL = f"{BASE}/hooks/sendgrid/events"


@pytest.fixture
def sendgrid() -> Iterator[Vendors]:
    with vendors() as running:
        yield running


@pytest.fixture
def world(azurite: Azurite, vendor: Twilio, file: Path, sendgrid: Vendors) -> World:
    return world_of(
        azurite,
        vendor,
        file,
        SENDGRID_API_KEY="SG.k3y-hush",
        SENDGRID_URL=sendgrid.url,
        MAIL_FROM="belfry@example.com",
        SENDGRID_WEBHOOK_KEY=PUBLIC,
    )


@pytest.fixture
def mail(world: World, sendgrid: Vendors) -> Entry:
    """A mail that SendGrid accepted."""
    wanted = draft(key="k", channel=MAIL, recipient="ana@example.com", subject="s", text="t")
    entry, _ = world.outbox.put(wanted, world.clock.now())
    world.app.notifications().flush(world.clock.now())
    assert world.entry(entry).status is NotificationStatus.SENT
    assert sendgrid.mailed() == ["ana@example.com"]
    return entry


def event(entry: Entry, name: str, **more: Any) -> dict[str, Any]:
    return {
        "email": entry.recipient,
        "event": name,
        "notification_id": entry.id,
        "sg_event_id": f"{name}-1",
        "sg_message_id": "sg-1.filter0001.1-0",
        "timestamp": 1,
    } | more


def told(world: World, *found: Any, late: timedelta = timedelta(0)) -> httpx.Response:
    """SendGrid tells, so much later than it signed."""
    raw = json.dumps(found).encode()
    at = str(int((world.clock.now() - late).timestamp()))
    by = PRIVATE.sign(at.encode() + raw, ec.ECDSA(SHA256()))
    headers = {
        "Content-Type": "application/json",
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(by).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": at,
    }
    return world.post(URL, raw, headers)


def test_a_mail_is_delivered(world: World, mail: Entry) -> None:
    found = (event(mail, "processed"), event(mail, "deferred"), event(mail, "delivered"))
    answer = told(world, *found)
    assert (answer.status_code, answer.content) == (204, b"")
    assert world.entry(mail).status is NotificationStatus.DELIVERED
    assert world.entry(mail).provider_id == "sg-1"


def test_a_mail_that_comes_back_says_why(world: World, mail: Entry) -> None:
    told(world, event(mail, "bounce", status="5.1.1", reason="550 no such user"))
    found = world.entry(mail)
    assert (found.status, found.error_code) == (NotificationStatus.UNDELIVERED, "5.1.1")


def test_repetitions_in_any_order_change_nothing(world: World, mail: Entry) -> None:
    told(world, event(mail, "delivered"))
    before = world.entry(mail)
    for _ in range(3):
        told(world, event(mail, "processed"), event(mail, "delivered"), event(mail, "deferred"))
    assert world.entry(mail) == before


def test_what_is_not_ours_is_taken_and_ignored(world: World, mail: Entry) -> None:
    gone = event(mail, "delivered", notification_id="8204769999999-" + "0" * 32)
    assert told(world, {"event": "delivered"}, gone, event(mail, "open")).status_code == 204
    assert world.entry(mail).status is NotificationStatus.SENT


def test_news_of_a_row_that_somebody_garbled_hold_up_no_other(
    world: World, mail: Entry, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = draft(key="bad", channel=MAIL, recipient="eun@example.com", subject="s", text="t")
    bad, _ = world.outbox.put(wanted, world.clock.now())
    table = world.app.connection.table(Names(world.app.settings.prefix).notifications)
    table.transact(PARTITION, [Merge(notification_key(bad.id), "*", {"attempts": "many"})])
    assert told(world, event(bad, "delivered"), event(mail, "delivered")).status_code == 204
    assert world.entry(mail).status is NotificationStatus.DELIVERED
    assert "hook_ignored" in caplog.text and "cannot be read" in caplog.text


def test_what_sendgrid_did_not_sign_changes_nothing_and_is_counted(
    world: World, mail: Entry
) -> None:
    raw = json.dumps([event(mail, "bounce")]).encode()
    for headers in ({}, {"X-Twilio-Email-Event-Webhook-Signature": "MEUCIGHQ"}):
        given = {"Content-Type": "application/json", **headers}
        assert world.post(URL, raw, given).status_code == 403
    assert world.entry(mail).status is NotificationStatus.SENT
    assert world.refused() == {"sendgrid": 1}, "the second is written later"


def test_an_old_one_is_refused(world: World, mail: Entry) -> None:
    late = timedelta(minutes=11)
    answer = told(world, event(mail, "bounce"), late=late)
    assert answer.status_code == 403 and "too old" in answer.json()["detail"]
    assert told(world, event(mail, "delivered"), late=timedelta(minutes=9)).status_code == 204


def test_without_a_key_nothing_is_believed(azurite: Azurite, vendor: Twilio, file: Path) -> None:
    answer = told(world_of(azurite, vendor, file))
    assert answer.status_code == 403
    assert "SENDGRID_WEBHOOK_KEY is not set" in answer.json()["detail"]


def test_another_type_is_told(world: World) -> None:
    assert world.post(URL, b"[]", {"Content-Type": "text/plain"}).status_code == 415


def test_what_is_signed_and_no_list_is_told(world: World) -> None:
    raw, at = b'{"event":"delivered"}', str(int(world.clock.now().timestamp()))
    by = PRIVATE.sign(at.encode() + raw, ec.ECDSA(SHA256()))
    headers = {
        "Content-Type": "application/json",
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(by).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": at,
    }
    answer = world.post(URL, raw, headers)
    assert answer.status_code == 422 and "a list of events" in answer.json()["detail"]
