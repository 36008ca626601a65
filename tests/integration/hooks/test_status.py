"""What becomes of a status callback of Twilio: of a real one, of a late one, of a forged one."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.azurite import Azurite
from shared.notifications.model import NotificationStatus
from tests.integration.hooks.conftest import ANA, BASE, EUN, World, world_of
from tests.vendors.twilio import ACCOUNT, Answer, Callback, Message, Twilio, called, signature

ID = "8204769999999-" + "0" * 32
DELIVERED, UNDELIVERED = NotificationStatus.DELIVERED, NotificationStatus.UNDELIVERED


def sent(world: World) -> tuple[str, Message]:
    entry, message = world.text()
    assert message is not None
    return entry.id, message


def status(world: World, id: str) -> NotificationStatus:
    return world.outbox.get(id).status


def test_a_message_is_delivered(world: World) -> None:
    id, message = sent(world)
    for word, after in (("sending", "sent"), ("sent", "sent"), ("delivered", "delivered")):
        answer = world.called(world.twilio.callback(message, word))
        assert (answer.status_code, answer.content) == (204, b"")
        assert status(world, id) == after
    assert world.outbox.get(id).provider_id == message.sid


@pytest.mark.parametrize("code", [30003, 30005, 30006, 30007, 99999])
def test_why_it_did_not_arrive_is_kept(world: World, code: int) -> None:
    id, message = sent(world)
    world.called(world.twilio.callback(message, "undelivered", code))
    found = world.outbox.get(id)
    assert (found.status, found.error_code) == (UNDELIVERED, str(code))
    assert ANA not in (found.error or "")


def test_a_callback_proves_that_a_message_was_made_whose_answer_was_lost(world: World) -> None:
    world.twilio.say(Answer(sends=True, reset=True))
    id, message = sent(world)
    assert status(world, id) is NotificationStatus.SENDING
    world.called(world.twilio.callback(message, "sent"))
    found = world.outbox.get(id)
    assert (found.status, found.provider_id) == (NotificationStatus.SENT, message.sid)
    assert found.next_at is None, "nobody sends it again"


ORDERS = list(itertools.permutations(["queued", "sent", "delivered"]))


@pytest.mark.parametrize("order", ORDERS)
def test_the_order_in_which_they_come_does_not_count(world: World, order: list[str]) -> None:
    id, message = sent(world)
    calls = {word: world.twilio.callback(message, word) for word in order}
    for word in (*order, *reversed(order)):
        assert world.called(calls[word]).status_code == 204
    assert status(world, id) is DELIVERED


def test_a_replay_changes_nothing(world: World) -> None:
    id, message = sent(world)
    early = world.twilio.callback(message, "sent")
    world.called(world.twilio.callback(message, "undelivered", 30007))
    before = world.outbox.get(id)
    world.clock.advance(timedelta(days=1))
    assert world.called(early).status_code == 204
    assert world.outbox.get(id) == before


def test_an_opt_out_that_comes_by_callback_is_kept(world: World) -> None:
    _, message = sent(world)
    world.called(world.twilio.callback(message, "failed", 21610))
    assert world.agreeing() == [EUN]


def test_a_status_that_belfry_does_not_know_is_no_error(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    id, message = sent(world)
    assert world.called(world.twilio.callback(message, "pondering")).status_code == 204
    assert status(world, id) is NotificationStatus.SENDING
    assert "hook_ignored" in caplog.text


def test_news_of_a_notification_that_is_gone_are_no_error(world: World) -> None:
    url = f"{BASE}/hooks/twilio/status?id={ID}"
    answer = world.called(called(url, {"MessageSid": "SM1", "MessageStatus": "sent"}))
    assert answer.status_code == 204


def forged(world: World) -> tuple[str, Callback]:
    """One that says that a message was delivered, and has a wrong signature."""
    id, message = sent(world)
    right = world.twilio.callback(message, "delivered")
    wrong = right.headers | {"X-Twilio-Signature": signature(right.url, {}, "guessed")}
    return id, replace(right, headers=wrong)


def test_what_twilio_did_not_sign_changes_nothing_and_is_counted(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    id, callback = forged(world)
    answer = world.called(callback)
    assert answer.status_code == 403
    assert answer.json()["detail"].endswith("the signature is missing or wrong")
    assert status(world, id) is NotificationStatus.SENDING
    assert world.refused() == {"twilio": 1}
    assert "hook_refused provider=twilio" in caplog.text
    assert ANA not in caplog.text


def test_without_a_signature_nothing_is_changed(world: World) -> None:
    id, callback = forged(world)
    bare = {name: value for name, value in callback.headers.items() if "Signature" not in name}
    assert world.called(replace(callback, headers=bare)).status_code == 403
    assert status(world, id) is NotificationStatus.SENDING


def test_another_id_or_field_than_was_signed_is_refused(world: World) -> None:
    _, message = sent(world)
    id, _ = sent(world)
    right = world.twilio.callback(message, "delivered")
    for wrong in (
        replace(right, url=right.url[:-5] + id[-5:] + "x"),
        replace(right, url=f"{right.url}&id={id}"),
        replace(right, body=right.body.replace(b"MessageStatus=delivered", b"MessageStatus=read")),
        replace(right, body=right.body + b"&ErrorCode=30007"),
    ):
        assert world.called(wrong).status_code == 403
    assert status(world, id) is NotificationStatus.SENDING


def test_a_forwarded_address_is_not_believed(world: World) -> None:
    id, message = sent(world)
    evil = "https://evil.example.com"
    asked = world.twilio.callback(message, "delivered")
    fields = {"MessageSid": message.sid, "MessageStatus": "delivered"}
    elsewhere = called(asked.url.replace(BASE, evil), fields)
    headers = {"X-Forwarded-Host": "evil.example.com", "X-Original-URL": elsewhere.url}
    assert world.called(replace(elsewhere, url=asked.url), **headers).status_code == 403
    assert status(world, id) is NotificationStatus.SENDING


def test_many_forged_ones_are_written_at_most_every_ten_seconds(world: World) -> None:
    _, callback = forged(world)
    for _ in range(5):
        world.called(callback)
    assert world.refused() == {"twilio": 1}
    world.clock.advance(timedelta(seconds=10))
    world.called(callback)
    assert world.refused() == {"twilio": 6}


@pytest.mark.parametrize(
    ("off", "said"),
    [
        (
            {"TWILIO_ACCOUNT_SID": "", "TWILIO_AUTH_TOKEN": "", "TWILIO_FROM": ""},
            "TWILIO_AUTH_TOKEN is not set",
        ),
        ({"PUBLIC_BASE_URL": ""}, "PUBLIC_BASE_URL is not set"),
    ],
)
def test_what_cannot_be_checked_is_refused(
    azurite: Azurite, vendor: Twilio, file: Path, off: dict[str, str], said: str
) -> None:
    world = world_of(azurite, vendor, file, **off)
    fields = {"MessageSid": "SM1", "MessageStatus": "sent"}
    url = f"{BASE}/hooks/twilio/status?id={ID}"
    for callback in (called(url, fields), called(url, fields, token="")):
        answer = world.called(callback)
        assert answer.status_code == 403 and said in answer.json()["detail"]


def test_a_shared_key_signs_too(azurite: Azurite, vendor: Twilio, file: Path) -> None:
    world = world_of(azurite, vendor, file, TWILIO_WEBHOOK_SECRET="shared-hush-1")
    id, message = sent(world)
    fields = {"AccountSid": ACCOUNT, "MessageSid": message.sid, "MessageStatus": "delivered"}
    assert message.callback is not None
    right = called(message.callback, fields, shared_key="shared-hush-1")
    wrong = called(message.callback, fields, shared_key="shared-hush-2")
    assert [world.called(one).status_code for one in (wrong, right)] == [403, 204]
    assert status(world, id) is DELIVERED


def test_a_url_with_a_path_before_ours_is_signed_as_it_is(
    azurite: Azurite, vendor: Twilio, file: Path
) -> None:
    world = world_of(azurite, vendor, file, PUBLIC_BASE_URL=f"{BASE}/belfry")
    id, message = sent(world)
    callback = world.twilio.callback(message, "delivered")
    assert callback.url.startswith(f"{BASE}/belfry/hooks/twilio/status?id=")
    inside = replace(callback, url=callback.url.replace("/belfry/", "/"))
    assert world.called(inside).status_code == 204
    assert status(world, id) is DELIVERED


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b"{}", "application/json", 415),
        (b"a=b", "text/plain", 415),
        (b"a=b", "", 415),
        (b"", "application/x-www-form-urlencoded", 403),
        (b"no form", "application/x-www-form-urlencoded", 422),
        (b"a=%FF", "application/x-www-form-urlencoded", 422),
        (b"\xff\xfe=1", "application/x-www-form-urlencoded", 422),
        (b"&".join(b"a%d=1" % n for n in range(500)), "application/x-www-form-urlencoded", 422),
        (b"a=" + b"b" * 1_000_001, "application/x-www-form-urlencoded", 413),
        (b"a=b", "application/x-www-form-urlencoded; charset=UTF-8", 403),
    ],
)
def test_garbage_is_refused_in_words(world: World, body: bytes, kind: str, expected: int) -> None:
    url = f"{BASE}/hooks/twilio/status?id={ID}"
    answer = world.post(url, body, {"Content-Type": kind} if kind else {})
    assert answer.status_code == expected
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "fields", "field"),
    [
        ("", {"MessageSid": "SM1", "MessageStatus": "sent"}, "id"),
        ("?id=x", {"MessageSid": "SM1", "MessageStatus": "sent"}, "id"),
        (f"?id={ID}", {"MessageStatus": "sent"}, "MessageSid"),
        (f"?id={ID}", {"MessageSid": "SM1"}, "MessageStatus"),
    ],
)
def test_a_signed_one_that_lacks_something_is_told_what(
    world: World, query: str, fields: dict[str, str], field: str
) -> None:
    answer = world.called(called(f"{BASE}/hooks/twilio/status{query}", fields))
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post_is_possible(world: World, method: str) -> None:
    answer = world.post(f"{BASE}/hooks/twilio/status", b"", {}, method)
    assert answer.status_code == 405 and answer.headers["allow"] == "POST, OPTIONS"


def test_what_is_no_hook_is_not_found(world: World) -> None:
    assert world.post(f"{BASE}/hooks/twilio", b"", {}).status_code == 404


WORDS = st.lists(
    st.sampled_from(["queued", "sending", "sent", "delivered", "undelivered", "failed", "x"]),
    min_size=1,
    max_size=6,
)


@given(words=WORDS)
@settings(
    max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_the_first_final_word_stands(world: World, words: list[str]) -> None:
    id, message = sent(world)
    for word in words:
        assert world.called(world.twilio.callback(message, word)).status_code == 204
    final = {"delivered": DELIVERED, "undelivered": UNDELIVERED, "failed": UNDELIVERED}
    expected = next((final[word] for word in words if word in final), None)
    if expected is None:
        said = {word for word in words if word != "x"}
        expected = NotificationStatus.SENT if said else NotificationStatus.SENDING
    assert status(world, id) is expected
