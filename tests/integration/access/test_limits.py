"""Too many requests with a key, and wrong keys from an address; over several instances."""

from __future__ import annotations

import pytest

from local.azurite import Azurite
from shared.access import Role
from shared.access import keys as pure
from shared.access.patience import FREE
from shared.keys.lots import Lots
from shared.storage.tables.facts import Meta
from tests.integration.access.asking import Asking, noted
from tests.integration.engine.conftest import Engine, make

TASKS = "/api/v1/tasks"
LIMIT = 120


@pytest.fixture
def instance(azurite: Azurite) -> Engine:
    return make(azurite, environ={"REQUESTS_PER_MINUTE": str(LIMIT)})


@pytest.fixture
def other(azurite: Azurite, instance: Engine) -> Asking:
    prefix = instance.app.settings.prefix
    environ = {"REQUESTS_PER_MINUTE": str(LIMIT)}
    return Asking(make(azurite, prefix, clock=instance.clock, environ=environ, prepared=True).app)


def spent(client: Asking, key: str, most: int = 1000) -> int:
    """How many requests go through before one does not."""
    for count in range(most):
        if client.ask("GET", TASKS, key).status_code == 429:
            return count
    raise AssertionError(f"all {most} went through")


def test_instances_together_let_no_more_through(
    client: Asking, other: Asking, instance: Engine
) -> None:
    client.key()
    key = client.key(Role.VIEWER)
    first = client.ask("GET", TASKS, key)
    assert first.headers["ratelimit-policy"] == f'"key";q={LIMIT};w=60'
    assert first.headers["ratelimit"] == f'"key";r={LIMIT - 1};t=60'
    assert other.ask("GET", TASKS, key).status_code == 200
    assert spent(client, key) + spent(other, key) + 2 == LIMIT
    refused = other.ask("GET", TASKS, key)
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["ratelimit"] == '"key";r=0;t=1'
    assert "more than 120 requests in a minute" in refused.json()["detail"]
    instance.later(30)
    assert spent(client, key) == LIMIT // 2
    another = client.key(Role.VIEWER)
    assert client.ask("GET", TASKS, another).status_code == 200, "each key has its own"


def test_an_ordinary_request_writes_nothing(
    client: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.key()
    key = client.key(Role.VIEWER)
    client.ask("GET", TASKS, key)
    writes = noted(monkeypatch, Meta, "_transact")
    for _ in range(40):
        client.ask("GET", TASKS, key)
    assert len(writes) == 20, "a lot has two tokens, of 120 a minute"


def test_an_empty_bucket_is_not_asked_again_before_there_can_be_a_token(
    client: Asking, instance: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.key()
    key = client.key(Role.VIEWER)
    spent(client, key)
    asked = noted(monkeypatch, Lots, "_lot")
    for _ in range(10):
        assert client.ask("GET", TASKS, key).status_code == 429
    assert asked == []
    instance.later(1)
    assert client.ask("GET", TASKS, key).status_code == 200


def test_without_a_key_there_is_no_limit(client: Asking) -> None:
    for _ in range(LIMIT + 5):
        answer = client.ask("GET", TASKS)
        assert answer.status_code == 200 and "ratelimit" not in answer.headers


def wrong() -> str:
    return pure.new_text(pure.new_id())


def test_an_address_that_sends_wrong_keys_waits_longer_each_time(
    client: Asking, other: Asking, instance: Engine
) -> None:
    key, host = client.key(), "198.51.100.7"
    for _ in range(FREE):
        assert client.ask("GET", TASKS, wrong(), host=host).status_code == 401
    waits = []
    for _ in range(4):
        answer = client.ask("GET", TASKS, wrong(), host=host)
        assert answer.status_code == 429 and "wrong keys" in answer.json()["detail"]
        assert other.ask("GET", TASKS, wrong(), host=host).status_code == 429, "elsewhere too"
        assert client.ask("GET", TASKS, key, host=host).status_code == 429, "a right one as well"
        waits.append(int(answer.headers["retry-after"]))
        instance.later(waits[-1])
        assert client.ask("GET", TASKS, wrong(), host=host).status_code == 401
    assert waits == [1, 2, 4, 8]
    assert client.ask("GET", TASKS, key, host="198.51.100.8").status_code == 200
    instance.later(3600)
    assert client.ask("GET", TASKS, wrong(), host=host).status_code == 401
    assert client.ask("GET", TASKS, wrong(), host=host).status_code == 401


def test_an_old_script_does_not_lock_its_office_out(client: Asking) -> None:
    key, host = client.key(), "198.51.100.7"
    assert client.ask("GET", TASKS, key, host=host).status_code == 200
    for _ in range(FREE + 3):
        client.ask("GET", TASKS, wrong(), host=host)
    assert client.ask("GET", TASKS, wrong(), host=host).status_code == 429
    assert client.ask("GET", TASKS, key, host=host).status_code == 200


def test_while_an_address_waits_nothing_is_written_for_it(
    client: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.key()
    for _ in range(FREE):
        client.ask("GET", TASKS, wrong(), host="198.51.100.7")
    monkeypatch.setattr(Meta, "_transact", lambda *_: pytest.fail("it wrote"))
    for _ in range(20):
        assert client.ask("GET", TASKS, wrong(), host="198.51.100.7").status_code == 429


def test_a_network_of_ipv6_is_one_address(client: Asking) -> None:
    client.key()
    for number in range(FREE):
        client.ask("GET", TASKS, wrong(), host=f"2001:db8::{number}")
    assert client.ask("GET", TASKS, wrong(), host="2001:db8::ffff").status_code == 429
    assert client.ask("GET", TASKS, wrong(), host="2001:db8:1::1").status_code == 401


def test_addresses_that_were_forgotten_leave_no_row(client: Asking, instance: Engine) -> None:
    client.key()
    facts = client.app.keys._table.facts
    for _ in range(3):
        client.ask("GET", TASKS, wrong())
    assert len(facts.beginning("wrong:")) == 3
    instance.later(3600)
    client.ask("GET", TASKS, wrong())
    assert len(facts.beginning("wrong:")) == 1


def test_wrong_keys_are_counted_for_status(client: Asking, instance: Engine) -> None:
    client.key()
    for _ in range(3):
        client.ask("GET", TASKS, wrong())
        instance.later(10)
    assert client.app.gate.refusals.count() == 3


def test_who_sends_no_key_is_no_attacker(client: Asking) -> None:
    client.key()
    for _ in range(FREE + 5):
        assert client.ask("GET", TASKS, host="198.51.100.7").status_code == 401
