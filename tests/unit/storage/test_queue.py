"""What a Queue sends over a real socket, and what it makes of the service's answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.rest import HttpRequest
from azure.storage.queue._shared import sign_string
from azure.storage.queue._shared.authentication import SharedKeyCredentialPolicy

from shared.clock import ManualClock
from shared.errors import BelfryError, Refused, Unavailable
from shared.settings import Secret, StorageAccount
from shared.storage import failures
from shared.storage.checked import CheckedClock
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.lean import Lean
from shared.storage.queues.queue import Queue, Receipt
from shared.storage.rest import Rest
from tests.faults.wire import Message
from tests.unit.storage.script import KEY
from tests.unit.storage.server import NOTHING, Says, Server, says
from tests.unit.storage.test_sign_in import Identity, Passing

RECEIPT = Receipt("b688d677-b83c-4f48-b0b6-2a18ff664156", "AgAA+/4=")
TEXTS = [
    "<QueueMessage>&amp;\"'</QueueMessage>",
    "Grüße, 日本語 😀 \u2028",
    "]]>\t\n",
    "&#65;&lt;&apos;",
    "",
    "x" * 48 * 1024,
    json.dumps({"jobs": ["a-20260101T000000Z"] * 50}),
]


class Sleepless(Lean):
    """Notes its pauses instead of making them."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def wire(server: Server, credential: Any = KEY, transport: Lean | None = None) -> Queue:
    return Queue(Rest(f"{server.url}/", "queue", credential, transport=transport), "jobs")


def listed(*fields: str) -> bytes:
    """One message, as the service lists it: with a byte order mark, whatever is in it."""
    inner = "".join(fields)
    return (
        '\ufeff<?xml version="1.0" encoding="utf-8"?><QueueMessagesList><QueueMessage>'
        f"{inner}</QueueMessage></QueueMessagesList>"
    ).encode()


def put(receipt: Receipt = RECEIPT) -> Says:
    return says(
        201,
        listed(
            f"<MessageId>{receipt.id}</MessageId>",
            "<InsertionTime>Thu, 01 Jan 2026 00:00:00 GMT</InsertionTime>",
            f"<PopReceipt>{receipt.pop}</PopReceipt>",
        ),
    )


def refused(status: int, code: str, **headers: str) -> Says:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"
    return says(status, body.encode(), x_ms_error_code=code, **headers)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text)[:20])
def test_a_message_is_put_as_it_is(text: str) -> None:
    with Server(put()) as server:
        assert wire(server).put(text, 61) == RECEIPT
        (asked,) = server.asked
    assert asked.start[0] == "POST"
    target = urlsplit(asked.start[1])
    assert target.path == "/jobs/messages"
    assert parse_qs(target.query) == {"visibilitytimeout": ["61"], "messagettl": ["-1"]}
    assert asked.headers["content-type"] == "application/xml"
    (told,) = ElementTree.fromstring(bytes(asked.data))  # noqa: S314 (it is our own)
    assert (told.tag, told.text or "") == ("MessageText", text)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text)[:20])
def test_a_message_is_peeked_as_it_was_put(text: str) -> None:
    made = ElementTree.Element("MessageText")
    made.text = text
    for encoding in ("unicode", "us-ascii"):  # the second names what is not ASCII by its number
        found = ElementTree.tostring(made, encoding)
        shown = found if isinstance(found, str) else found.decode()
        with Server(says(200, listed("<DequeueCount>0</DequeueCount>", shown))) as server:
            assert wire(server).peek() == text
            assert server.paths == ["GET /jobs/messages?peekonly=true&numofmessages=1"]


def test_a_queue_that_shows_nothing_has_nothing_to_peek() -> None:
    nothing = b'<?xml version="1.0" encoding="utf-8"?><QueueMessagesList />'
    with Server(says(200, nothing)) as server:
        assert wire(server).peek() is None


def test_a_message_is_taken_back_by_its_receipt() -> None:
    with Server(says(204, Content_Length="")) as server:
        assert wire(server).delete(RECEIPT)
        (asked,) = server.asked
    assert asked.start[:2] == ["DELETE", f"/jobs/messages/{RECEIPT.id}?popreceipt=AgAA%2B%2F4%3D"]
    assert not asked.data


@pytest.mark.parametrize(
    ("status", "code"), [(400, "PopReceiptMismatch"), (404, "MessageNotFound")]
)
def test_one_that_somebody_received_is_not(status: int, code: str) -> None:
    with Server(refused(status, code)) as server:
        assert not wire(server).delete(RECEIPT)
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "InvalidQueryParameterValue", Refused),
        (400, "OutOfRangeInput", Refused),
        (400, "", Refused),
        (403, "AuthenticationFailed", Refused),
        (404, "QueueNotFound", Unavailable),
        (404, "", Unavailable),
        (409, "QueueBeingDeleted", Unavailable),
    ],
)
def test_other_refusals_of_taking_back_are_errors(
    status: int, code: str, kind: type[BelfryError]
) -> None:
    error = pytest.raises(kind, match=f"{status} {code}")
    with Server(refused(status, code)) as server, error, translated("queue storage"):
        wire(server).delete(RECEIPT)


CALLS: list[Callable[[Queue], object]] = [
    lambda queue: queue.put("x", 0),
    lambda queue: queue.delete(RECEIPT),
    lambda queue: queue.peek(),
]
every_call = pytest.mark.parametrize("call", CALLS, ids=["put", "delete", "peek"])


@every_call
def test_what_is_refused_for_good_is_not_tried_again(call: Callable[[Queue], object]) -> None:
    for status, code in ((403, "AuthorizationFailure"), (401, "NoAuth"), (413, "TooLarge")):
        with Server(refused(status, code)) as server:
            with pytest.raises(Refused, match=f"{status} {code}"), translated("queue storage"):
                call(wire(server))
            assert len(server.asked) == 1


BUSY = refused(503, "ServerBusy")
PASSING = [
    (BUSY, "503 ServerBusy"),
    (refused(500, "InternalError"), "500 InternalError"),
    (refused(408, "Late"), "408 Late"),
    (refused(429, "TooMany"), "429 TooMany"),
    (NOTHING, "did not answer"),
    (BUSY.cut(b"<Code>"), "did not answer"),
    (Says(b"", "reset"), "did not answer"),
    (Says(b"", "hang"), "did not answer"),
    (says(200, Date=""), "did not answer"),
]


@every_call
@pytest.mark.parametrize(("answer", "told"), PASSING)
def test_what_may_pass_is_tried_four_times(
    call: Callable[[Queue], object], answer: Says, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if answer.then == "hang":
        monkeypatch.setitem(failures.TIMEOUTS, "read_timeout", 0.1)
    with Server(*[answer] * 5) as server:
        sender = Sleepless(server.url)
        with pytest.raises(Unavailable, match=told), translated("queue storage"):
            call(wire(server, transport=sender))
        sender.close()
        assert len(server.asked) == 4
        assert sender.slept == [0.4, 0.8]
        assert server.all_ended()


def test_it_is_well_when_the_last_attempt_is() -> None:
    with Server(NOTHING, refused(500, "x"), put().cut(200), put()) as server:
        sender = Sleepless(server.url)
        assert wire(server, transport=sender).put("x", 5) == RECEIPT
        assert len({bytes(one.data) for one in server.asked}) == 1
        sender.close()


def test_one_taken_back_whose_answer_was_lost_is_gone() -> None:
    with Server(NOTHING, refused(404, "MessageNotFound")) as server:
        assert not wire(server).delete(RECEIPT)


def test_a_service_that_cannot_be_reached_is_tried_as_often() -> None:
    with Server() as gone:
        url = gone.url
    sender = Sleepless(url)
    with pytest.raises(ServiceRequestError):
        Queue(Rest(url, "queue", KEY, transport=sender), "jobs").peek()
    assert sender.slept == [0.4, 0.8]


def test_a_long_pause_is_cut_short() -> None:
    with Server(*[refused(503, "ServerBusy", Retry_After="600")] * 5) as server:
        sender = Sleepless(server.url)
        with pytest.raises(Unavailable, match="503 ServerBusy"), translated("queue storage"):
            wire(server, transport=sender).peek()
        assert sender.slept == [failures.LONGEST_PAUSE] * 3
        sender.close()


def test_no_attempt_begins_when_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(failures.TIMEOUTS, "read_timeout", 0.2)
    monkeypatch.setattr(failures, "WHOLE", 0.3)
    with Server(*[Says(b"", "hang")] * 5) as server:
        with pytest.raises(Unavailable, match="did not answer"), translated("queue storage"):
            wire(server).peek()
        assert len(server.asked) in (1, 2)


@pytest.mark.parametrize(
    "body", [b"", b"<html>gateway</html>", b"<MessageId></MessageId>", b"\xff"]
)
def test_an_answer_by_something_else_on_the_way_is_an_error(body: bytes) -> None:
    with Server(says(201, body), says(200, body)) as server:
        for call in (CALLS[0], CALLS[2]):
            with pytest.raises(HttpResponseError):
                call(wire(server))


def sdks(asked: Message, url: str) -> str:
    """The signature of that request, from the parts that azure-storage-queue signs."""
    sdk: Any = SharedKeyCredentialPolicy(KEY.account, KEY.key)  # type: ignore[no-untyped-call]
    headers = {name: value for name, value in asked.headers.items() if name != "authorization"}
    request = HttpRequest(asked.start[0], f"{url}{asked.start[1]}", headers=headers)
    found: Any = PipelineRequest(request, PipelineContext(None))
    comp = parse_qs(urlsplit(asked.start[1]).query).get("comp")
    text = (
        sdk._get_verb(found)
        + sdk._get_headers(found, ["content-md5", "content-type", "date"])
        + sdk._get_canonicalized_headers(found)
        + sdk._get_canonicalized_resource(found)
        + (f"?comp={comp[0]}" if comp else "")
    )
    sign: Any = sign_string
    return f"SharedKeyLite {KEY.account}:{sign(KEY.key, text)}"


def test_each_request_is_signed_as_azure_storage_queue_signs_its_parts() -> None:
    nothing = b"<QueueMessagesList/>"
    answers = (
        put(),
        says(204, Content_Length=""),
        says(200, nothing),
        refused(404, "QueueNotFound"),
    )
    with Server(*answers) as server:
        queue = Queue(Rest(f"{server.url}/devstoreaccount1", "queue", KEY), "jobs")
        for call in CALLS:
            call(queue)
        with pytest.raises(HttpResponseError):
            queue.peek()
        for asked in server.asked:
            assert asked.headers["authorization"] == sdks(asked, server.url)
            assert asked.headers["x-ms-version"] == "2020-12-06"
            assert asked.start[1].startswith("/devstoreaccount1/jobs")


def test_each_attempt_is_signed_anew() -> None:
    clock = CheckedClock(Passing(datetime(2025, 12, 31, 23, 40, tzinfo=UTC)))
    with Server(refused(503, "ServerBusy", Date=""), put()) as server:
        Queue(Rest(server.url, "queue", KEY, clock=clock), "jobs").put("x", 0)
        first, second = server.asked
        assert first.headers["x-ms-date"] == "Thu, 01 Jan 2026 00:00:00 GMT"
        assert second.headers["x-ms-date"] > first.headers["x-ms-date"]
        for asked in (first, second):
            assert asked.headers["authorization"] == sdks(asked, server.url)


def test_one_refused_for_its_date_is_asked_once_more_by_the_storages_time() -> None:
    clock = CheckedClock(ManualClock(datetime(2025, 6, 1, tzinfo=UTC)))
    no = refused(403, "AuthenticationFailed")
    with Server(no, put(), no, no) as server:
        queue = Queue(Rest(server.url, "queue", KEY, clock=clock), "jobs")
        assert queue.put("x", 0) == RECEIPT
        first, second = server.asked
        assert first.headers["x-ms-date"] == "Sun, 01 Jun 2025 00:00:00 GMT"
        assert second.headers["x-ms-date"].startswith("Thu, 01 Jan 2026 00:00:0")
        assert second.headers["authorization"] == sdks(second, server.url)
        with pytest.raises(Refused, match="403"), translated("queue storage"):
            queue.put("x", 0)
        assert len(server.asked) == 3, "its date was right"


def test_a_token_is_not_sent_in_the_open() -> None:
    with Server(put()) as server:
        with pytest.raises(ServiceRequestError, match="https"):
            wire(server, Identity(), Sleepless(server.url)).put("x", 0)
        assert server.asked == []


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (f"AccountName=acct;AccountKey={KEY.key}", "https://acct.queue.core.windows.net/jobs"),
        (
            f"TableEndpoint=http://t;QueueEndpoint=http://h:1/acct/;AccountName=acct;"
            f"AccountKey={KEY.key};",
            "http://h:1/acct/jobs",
        ),
        ("UseDevelopmentStorage=true", "http://127.0.0.1:10001/devstoreaccount1/jobs"),
        ("", "https://named.queue.core.windows.net/jobs"),
    ],
)
def test_settings_say_where(text: str, url: str) -> None:
    account = StorageAccount(connection_string=Secret(text), account_name="named")
    assert Connection(account).queue("jobs")._queue == url
