"""Who is let in: by a key, and, until one was made, whoever comes."""

from __future__ import annotations

import hmac
import logging
from datetime import timedelta

import pytest

from shared.access import LOCAL, Role
from shared.access import keys as pure
from shared.api import pages
from shared.errors import Unauthenticated, Unavailable
from shared.keys.gate import FRESH, USED, Knock
from shared.keys.table import KeyTable
from tests import sdk
from tests.integration.access.asking import Asking, noted
from tests.integration.engine.conftest import Engine

TASKS = "/api/v1/tasks"
ROW = pure.PREFIX + "a" * 12 + "_"


def test_until_a_key_is_made_whoever_comes_is_an_admin(client: Asking) -> None:
    assert client.told("GET", "/api/v1/keys")["total"] == 0
    made = client.told("POST", "/api/v1/keys", json={"name": "Ana", "role": "admin"})
    said = client.problem(401, "GET", TASKS)
    assert "no key was sent" in said and "in the header Authorization" in said
    assert client.ask("GET", TASKS).headers["www-authenticate"] == 'Bearer realm="Belfry"'
    assert client.told("GET", TASKS, made["key"])["tasks"]


def test_the_first_key_closes_the_other_instances_within_seconds(
    client: Asking, other: Asking, instance: Engine
) -> None:
    assert other.ask("GET", TASKS).status_code == 200
    key = client.key()
    instance.later(FRESH.total_seconds())
    assert other.ask("GET", TASKS).status_code == 401
    assert other.ask("GET", TASKS, key).status_code == 200


def test_the_first_key_must_be_able_to_make_others(client: Asking) -> None:
    for body in ({"role": "operator"}, {"role": "admin", "projects": [1]}):
        said = client.problem(409, "POST", "/api/v1/keys", json={"name": "Ana", **body})
        assert "the first key must be of an admin for all projects" in said
    assert client.ask("GET", TASKS).status_code == 200, "it is open as before"


def test_a_request_reads_nothing_while_what_was_read_is_fresh(
    client: Asking, instance: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = client.key()
    client.told("GET", "/api/v1/keys", key)
    reads = noted(monkeypatch, KeyTable, "_row")
    for _ in range(20):
        client.told("GET", TASKS, key)
    assert reads == []
    instance.later(FRESH.total_seconds())
    for _ in range(20):
        client.told("GET", TASKS, key)
    assert [name for _, name in reads] == [f"key:{pure.id_in(key)}"]


def test_while_no_key_was_made_a_request_in_seconds_looks(
    client: Asking, instance: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = noted(monkeypatch, KeyTable, "made")
    for _ in range(10):
        client.told("GET", TASKS)
    assert len(looks) == 1


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ("Bearer bfy_", "it does not look like one"),
        ("Bearer bfy_abc", "it does not look like one"),
        ("bearer BFY_" + "a" * 12 + "_" + "0" * 64, "it does not look like one"),
        ("Bearer " + ROW + "0" * 63, "it does not look like one"),
        ("Bearer " + ROW + "0" * 65, "it does not look like one"),
        ("Bearer " + ROW + "0" * 100_000, "it does not look like one"),
        ("Bearer " + ROW + "é" * 64, "it does not look like one"),
        ("Bearer " + ROW + "\u0660" * 64, "it does not look like one"),
        ("Bearer " + ROW + "0" * 64, "there is no such key"),
        ("Bearer bfy_' or 1 eq 1_" + "0" * 64, "it does not look like one"),
        ("Bearer", "the header Authorization has no key of Belfry"),
        ("Bearer eyJhbGciOi.x.y", "the header Authorization has no key of Belfry"),
        ("Basic YTpi", "the header Authorization has no key of Belfry"),
    ],
)
def test_what_is_no_key_is_refused_and_not_repeated(client: Asking, sent: str, said: str) -> None:
    client.key()
    answer = client.ask("GET", TASKS, headers={"authorization": sent.encode()})
    assert answer.status_code == 401 and said in answer.json()["detail"]
    assert answer.headers["www-authenticate"] == 'Bearer realm="Belfry", error="invalid_token"'
    assert "0" * 60 not in answer.text


def test_two_headers_are_refused(client: Asking) -> None:
    key = client.key()
    with pytest.raises(Unauthenticated, match="came twice"):
        client.app.gate.enter(Knock(authorization=(f"Bearer {key}", "Bearer x")))


def test_a_wrong_secret_of_a_key_that_exists_is_none(client: Asking) -> None:
    key = client.key()
    wrong = key[:-1] + ("0" if key[-1] != "0" else "1")
    assert "there is no such key" in client.problem(401, "GET", TASKS, wrong)


def test_keys_are_compared_in_constant_time(
    client: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there is no such key."""
    key, compared = client.key(), noted(monkeypatch, hmac, "compare_digest")
    for sent in (key, key[:-4] + "0000", ROW + "0" * 64):
        client.ask("GET", TASKS, sent)
    assert len(compared) == 3
    assert all(len(a) == len(b) == 64 for a, b in compared)


def test_an_expired_key_and_a_revoked_one_say_so(
    client: Asking, other: Asking, instance: Engine
) -> None:
    admin = client.key()
    until = instance.clock.now() + timedelta(hours=1)
    short = client.app.keys.create(LOCAL, "short", Role.VIEWER, None, until).text
    gone = client.key(Role.VIEWER)
    for key in (short, gone):
        assert client.ask("GET", TASKS, key).status_code == 200
        assert other.ask("GET", TASKS, key).status_code == 200
    assert client.ask("DELETE", f"/api/v1/keys/{pure.id_in(gone)}", admin).status_code == 204
    assert "it was revoked" in client.problem(401, "GET", TASKS, gone), "here at once"
    instance.later(FRESH.total_seconds())
    assert "it was revoked" in other.problem(401, "GET", TASKS, gone), "elsewhere within seconds"
    instance.later(3600)
    assert "it has expired" in client.problem(401, "GET", TASKS, short)


def test_a_use_is_noted_once_in_minutes(client: Asking, instance: Engine) -> None:
    admin, key = client.key(), client.key(Role.VIEWER)
    path = f"/api/v1/keys/{pure.id_in(key)}"
    assert client.told("GET", path, admin)["last_used_at"] is None
    client.told("GET", TASKS, key)
    first = client.told("GET", path, admin)["last_used_at"]
    assert first == "2026-03-01T12:00:01Z"
    instance.later(USED.total_seconds() - 1)
    client.told("GET", TASKS, key)
    assert client.told("GET", path, admin)["last_used_at"] == first
    instance.later(1)
    client.told("GET", TASKS, key)
    assert client.told("GET", path, admin)["last_used_at"] == "2026-03-01T12:05:01Z"


def test_a_use_that_cannot_be_noted_stops_no_request(
    client: Asking, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    key = client.key()

    def away(*_: object) -> None:
        raise Unavailable("table storage", "did not answer")

    monkeypatch.setattr(KeyTable, "used", away)
    with caplog.at_level(logging.WARNING):
        assert client.ask("GET", TASKS, key).status_code == 200
    assert "key_use_unnoted" in caplog.text


def test_a_key_is_in_no_log_no_answer_and_no_storage(
    client: Asking, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        made = client.told("POST", "/api/v1/keys", json={"name": "Ana", "role": "admin"})
        key = made["key"]
        secret = key.rpartition("_")[2]
        wrong = key[:-4] + "ffff"
        told = [
            client.ask("GET", "/api/v1/keys", key),
            client.ask("GET", f"/api/v1/schedules/{key}", key),
            client.ask("GET", f"/api/v1/schedules?nosuch={key}", key),
            client.ask("GET", f"/api/v1/nothing/{key}", key),
            client.ask("GET", TASKS, wrong),
            client.ask("POST", "/api/v1/keys", key, json={"name": "x", "role": key}),
        ]
    ours = "".join(one.getMessage() for one in caplog.records if one.name != "httpx")
    assert secret not in ours and wrong.rpartition("_")[2] not in ours and "key_created" in ours
    for answer in told:
        assert secret not in answer.text, answer.text
    name = client.app.keys._table._table.name
    rows = client.app.connection.table(name).query("")
    assert secret not in str(list(rows))


def test_the_pages_that_describe_the_api_need_no_key(client: Asking) -> None:
    client.key()
    style = f"/api/docs/{pages.assets()['swagger-ui.css'].file}"
    for path in ("/api/docs", "/api/openapi.json", style):
        assert client.ask("GET", path).status_code == 200
    for path in ("/api/docsx", "/api/v1/nothing", "/api/"):
        assert client.ask("GET", path).status_code == 401


def test_a_key_that_cannot_be_read_opens_nothing(
    client: Asking, caplog: pytest.LogCaptureFixture
) -> None:
    admin, key = client.key(), client.key(Role.VIEWER)
    table = sdk.table(client.app, client.app.keys._table._table.name)
    row = {"PartitionKey": "keys", "RowKey": f"key:{pure.id_in(key)}", "role": "emperor"}
    table.update_entity(row)
    assert client.ask("GET", TASKS, key).status_code == 401
    assert [one["name"] for one in client.told("GET", "/api/v1/keys", admin)["keys"]] == ["Ana"]
    assert "key_unreadable" in caplog.text


def test_while_storage_is_away_nobody_is_let_in(
    client: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise Unavailable("table storage", "did not answer")

    monkeypatch.setattr(KeyTable, "_row", away)
    for key in (None, ROW + "0" * 64):
        answer = client.ask("GET", TASKS, key)
        assert answer.status_code == 503 and answer.headers["retry-after"]
