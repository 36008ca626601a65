"""What is sent, and what is kept of an answer."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from datetime import timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from functions.customers.webhook_delivery import webhook_delivery
from shared.clock import SystemClock
from shared.errors import Invalid, Refused
from shared.resources.model import Kind, Resource
from shared.resources.webhooks import Webhook
from shared.settings import Secret
from shared.storage.tables.roll_counts import Wanted as Span
from shared.webhooks import body, signing, told
from shared.webhooks.body import Wanted
from tests.unit.webhooks.test_deciding import NOW, answer

NEW, OLD, OTHER = (
    "whsec_" + base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2, 3)
)


def wanted(**changes: object) -> Wanted:
    plain = Wanted(
        webhook_id="15",
        project_id=1,
        type="campaign.started",
        data={"text": "Grüße 🐈"},
        schedule_id="campaign",
        schedule_name="Campaign",
        job_id="campaign-1",
        due_at=NOW,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def hook(**secrets: str) -> Resource[Webhook]:
    until = (NOW + timedelta(hours=1)).isoformat()
    return Resource(
        kind=Kind.WEBHOOK,
        id="15",
        project_id=1,
        what=Webhook(name="campaign", old_key_until=until),
        secrets={name: Secret(value) for name, value in secrets.items()},
        created_at=NOW,
        updated_at=NOW,
    )


def test_the_id_comes_from_the_occurrence_alone() -> None:
    key = body.hook_key(1, "15")
    one = body.delivery_id(key, "campaign", NOW)
    assert body.delivery_id(key, "campaign", NOW.astimezone(timezone(timedelta(hours=5)))) == one
    assert body.is_id(one) and body.hook_of(one) == key and "." not in one
    others = {
        body.delivery_id(body.hook_key(2, "15"), "campaign", NOW),
        body.delivery_id(body.hook_key(None, "15"), "campaign", NOW),
        body.delivery_id(key, "other", NOW),
        body.delivery_id(key, "campaign", NOW, "k.0"),
        body.delivery_id(key, "campaign", NOW, "k.1"),
        body.delivery_id(key, "campaign", NOW + timedelta(seconds=1)),
    }
    assert len(others | {one}) == 7


@given(st.lists(st.integers(0, 10**6), unique=True), st.integers(0, 10**6), st.integers(0, 10**6))
def test_ids_sort_newest_first_and_spans_find_them(
    seconds: list[int], first: int, end: int
) -> None:
    at = {one: NOW + timedelta(seconds=one) for one in [*seconds, first, end]}
    ids = {one: body.delivery_id("0" * 12, "s", at[one]) for one in seconds}
    assert sorted(ids.values()) == [ids[one] for one in sorted(seconds, reverse=True)]
    span = Span(since=at[first], until=at[end])
    places = {one: ids[one].partition("-")[2] for one in seconds}
    found = {one for one in seconds if span.first <= places[one] < span.beyond}
    assert found == {one for one in seconds if first <= one < end}


def test_the_body_says_what_and_when() -> None:
    said = json.loads(body.body_of(wanted(), "the-id"))
    assert said == {
        "schema_version": 1,
        "id": "the-id",
        "type": "campaign.started",
        "timestamp": "2026-03-01T12:00:00Z",
        "due_at": "2026-03-01T12:00:00Z",
        "schedule": {"id": "campaign", "name": "Campaign"},
        "data": {"text": "Grüße 🐈"},
    }


def test_the_largest_body_is_below_the_limit_of_the_standard() -> None:
    most = "x" * (body.MOST_PAYLOAD - len('{"a":""}'))
    webhook_delivery.parse({"webhook_id": 15, "payload": {"a": most}})
    large = wanted(data={"a": most}, schedule_name="ü" * 200, schedule_id="s" * 100)
    assert body.size(body.body_of(large, "0" * 43)) < body.MOST_BYTES
    for payload in ({"a": most + "x"}, {"a": ["ü" * 9_000]}):
        with pytest.raises(Invalid, match="payload"):
            webhook_delivery.parse({"webhook_id": 15, "payload": payload})
    deep: dict[str, object] = {}
    for _ in range(60):
        deep = {"a": deep}
    with pytest.raises(Invalid, match="levels"):
        webhook_delivery.parse({"webhook_id": 15, "payload": deep})


def test_a_receiver_verifies_with_either_key_while_both_count() -> None:
    now = SystemClock().now().astimezone(timezone(timedelta(hours=9)))
    text = body.body_of(wanted(), "the-id")
    headers = signing.headers("the-id", now, text, [NEW, OLD])
    for key in (NEW, OLD):
        assert Verifier(key).verify(text.encode(), headers)["id"] == "the-id"
    for data, key in ((text, OTHER), (text.replace("campaign", "other"), NEW)):
        with pytest.raises(WebhookVerificationError):
            Verifier(key).verify(data, headers)


def test_the_old_key_counts_until_its_instant() -> None:
    both = hook(signing_key=NEW, old_signing_key=OLD)
    assert signing.keys_of(both, NOW) == [NEW, OLD]
    assert signing.keys_of(both, NOW + timedelta(hours=1)) == [NEW]
    plain = replace(both, what=both.what.model_copy(update={"old_key_until": ""}))
    assert signing.keys_of(plain, NOW) == [NEW]
    for key in ("", "whsec_", "whsec_AAAA", "secret", "whsec_" + "A" * 200, "whsk_" + NEW[6:]):
        with pytest.raises(Refused):
            signing.keys_of(hook(signing_key=key), NOW)


def test_a_webhooks_own_headers_take_the_place_of_none_of_ours() -> None:
    own = {"X-Team": "shop", "Webhook-Id": "forged", "CONTENT-TYPE": "text/html"}
    sent = signing.all_headers(own, "the-id", NOW, "{}", [NEW])
    assert sent["X-Team"] == "shop"
    assert {name.lower(): value for name, value in sent.items()}["webhook-id"] == "the-id"
    assert len({name.lower() for name in sent}) == len(sent)


URL = "https://u:pw123456@example.com/services/T00000000/abcdefghijklmnop?key=hunter2hunter2"


@given(st.binary(max_size=3000))
def test_of_an_answer_little_is_kept_and_it_can_be_stored(sent: bytes) -> None:
    got = replace(answer(500, Server="x" * 9_000), body=sent)
    text = told.body_of(got, [])
    assert len(text) <= 500 and len(told.head_of(got, [])) <= 1_000
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", text)


def test_of_an_answer_no_secret_is_kept() -> None:
    secrets = {"url": Secret(URL), "signing_key": Secret(NEW)}
    echo = f"you sent to {URL} with {NEW}; /services/T00000000/abcdefghijklmnop".encode()
    got = replace(
        answer(
            500,
            Set_Cookie="session=42424242",
            X_Api_Key="42424242",
            X_Echo="x" * 150 + URL,
            Plain="ok",
        ),
        body=echo,
    )
    kept = told.head_of(got, told.hidden(secrets)) + told.body_of(got, told.hidden(secrets))
    for one in ("42424242", "abcdefghijklmnop", "hunter2", "pw123456", NEW[6:]):
        assert one not in kept
    assert "Plain: ok" in kept and "you sent to *** with ***" in kept


def test_what_is_compressed_is_not_opened() -> None:
    got = replace(answer(500, Content_Encoding="gzip"), body=b"\x1f\x8b" * 20)
    assert told.body_of(got, []) == "(40 bytes in gzip)"
