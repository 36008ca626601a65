"""A Queue against Azurite, beside azure-storage-queue on the same queue."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.queue import QueueClient

from local.azurite import Azurite
from shared.errors import Refused, Unavailable
from shared.settings import Secret, StorageAccount
from shared.storage.account import endpoint
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.queues.jobs import JobQueue, Message
from shared.storage.queues.queue import Queue, Receipt
from shared.storage.rest import Rest
from shared.storage.signing import SharedKey

_queues = itertools.count()
TEXTS = ["<a href=\"x\">'&amp;'</a>", "Grüße, 日本語 😀", "]]> \t\n.", "", "x" * 48 * 1024]


def count(sdk: QueueClient) -> int | None:
    """How many messages there are, those that cannot be seen included."""
    return sdk.get_queue_properties().approximate_message_count


def account(azurite: Azurite) -> StorageAccount:
    return StorageAccount(connection_string=Secret(azurite.connection_string))


@pytest.fixture
def sdk(azurite: Azurite) -> Iterator[QueueClient]:
    name = f"wire{next(_queues)}"
    with QueueClient.from_connection_string(azurite.connection_string, name) as made:
        made.create_queue()
        yield made


@pytest.fixture
def wire(azurite: Azurite, sdk: QueueClient) -> Queue:
    return Connection(account(azurite)).queue(sdk.queue_name)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text)[:12])
def test_what_is_put_is_what_others_receive_and_what_they_put_is_peeked(
    wire: Queue, sdk: QueueClient, text: str
) -> None:
    put = wire.put(text, 0)
    assert wire.peek() == text
    received = sdk.receive_message()
    assert received is not None
    assert (received.id, received.content) == (put.id, text)
    assert received.expires_on is not None and received.expires_on.year == 9999
    sdk.delete_message(received)
    sdk.send_message(text)
    assert wire.peek() == text


def test_as_much_as_a_queue_takes_and_no_more(wire: Queue, sdk: QueueClient) -> None:
    wire.put("x" * 64 * 1024, 0)
    with pytest.raises(Refused, match="413 RequestBodyTooLarge"), translated("queue storage"):
        wire.put("x" * 66 * 1024, 0)
    assert count(sdk) == 1


def test_a_delayed_message_is_neither_peeked_nor_received(wire: Queue, sdk: QueueClient) -> None:
    assert count(sdk) == 0
    wire.put("later", 3600)
    wire.put("far", 7 * 24 * 3600)
    assert count(sdk) == 2
    assert wire.peek() is None
    assert sdk.receive_message() is None
    wire.put("now", 0)
    assert (count(sdk), wire.peek()) == (3, "now")


def test_to_peek_takes_nothing(wire: Queue, sdk: QueueClient) -> None:
    wire.put("first", 0)
    wire.put("second", 0)
    assert [wire.peek() for _ in range(3)] == ["first"] * 3
    received = sdk.receive_message()
    assert received is not None
    assert (received.content, received.dequeue_count) == ("first", 1)
    assert (wire.peek(), count(sdk)) == ("second", 2)


def test_a_message_is_taken_back_once_seen_or_not(wire: Queue, sdk: QueueClient) -> None:
    for seconds in (0, 3600):
        put = wire.put("x", seconds)
        assert wire.delete(put)
        assert count(sdk) == 0
        assert not wire.delete(put)


def test_one_that_another_received_is_not_taken_back(wire: Queue, sdk: QueueClient) -> None:
    put = wire.put("x", 0)
    received = sdk.receive_message(visibility_timeout=60)
    assert received is not None
    assert refusal(sdk, put) == (400, "PopReceiptMismatch")
    assert not wire.delete(put)
    assert count(sdk) == 1
    sdk.delete_message(received)
    assert refusal(sdk, put) == (404, "MessageNotFound")
    assert not wire.delete(put)


def refusal(sdk: QueueClient, receipt: Receipt) -> tuple[int | None, str]:
    """How the service refuses to delete a message by that receipt."""
    with pytest.raises(HttpResponseError) as caught:
        sdk.delete_message(receipt.id, receipt.pop)
    code: Any = vars(caught.value)["error_code"]
    return caught.value.status_code, str(getattr(code, "value", code))


def test_no_other_refusal_is_taken_for_that(azurite: Azurite, sdk: QueueClient) -> None:
    receipt = Receipt("b688d677-b83c-4f48-b0b6-2a18ff664156", "MjlOb3Y=")
    absent, bad = (
        Connection(account(azurite)).queue("absent"),
        Connection(account(azurite)).queue("x"),
    )
    with pytest.raises(Unavailable, match="404 QueueNotFound"), translated("queue storage"):
        absent.delete(receipt)
    with pytest.raises(Refused, match="400 OutOfRangeInput"), translated("queue storage"):
        bad.delete(receipt)


def test_a_wrong_key_is_refused(azurite: Azurite, sdk: QueueClient) -> None:
    found = endpoint(account(azurite), "queue")
    assert isinstance(found.credential, SharedKey)
    key = SharedKey(found.credential.account, "d3Jvbmc=")
    wrong = Queue(Rest(found.url, "queue", key), sdk.queue_name)
    for call in (wrong.peek, lambda: wrong.put("x", 0)):
        with pytest.raises(Refused, match="403 Auth"), translated("queue storage"):
            call()


def test_the_job_queue_is_two_of_them(azurite: Azurite, sdk: QueueClient) -> None:
    """Sent at its own time, so that Azurite shows what is due: it has a clock of its own."""
    long = f"{sdk.queue_name}-long"
    both = JobQueue(
        Connection(account(azurite)).queue(sdk.queue_name), Connection(account(azurite)).queue(long)
    )
    now = datetime.now(UTC)
    with QueueClient.from_connection_string(azurite.connection_string, long) as other:
        other.create_queue()
        assert (both.backlog(False, now), both.backlog(True, now)) == (timedelta(), timedelta())
        both.send(Message(("a-1",), now), now + timedelta(seconds=0.9))
        guard = both.send(Message(("b-1",), now, long=True), now + timedelta(minutes=1))
        later = now + timedelta(seconds=5)
        assert both.backlog(False, later) == timedelta(seconds=4.1)
        assert both.backlog(True, later) == timedelta()
        received = sdk.receive_message()
        assert received is not None and json.loads(received.content)["jobs"] == ["a-1"]
        assert both.backlog(False, later) == timedelta(), "it is in somebody's hands"
        assert both.take_back(guard) and not both.take_back(guard)
        assert count(other) == 0
