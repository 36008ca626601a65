"""Messages, what they say, and which of the two queues they go to and when they are seen."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest

from shared.errors import Invalid, Refused, Unavailable
from shared.storage.queues.jobs import JobQueue, Message, Sent, parse, parse_long, parse_shard
from shared.storage.queues.queue import Queue
from shared.storage.rest import Rest
from tests.spans import CALLER
from tests.unit.storage.script import KEY
from tests.unit.storage.server import Says, Server, says
from tests.unit.storage.test_queue import RECEIPT, listed, put, refused

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SHORT = Message(("a-20260301T120000Z",), NOW)
LONG = replace(SHORT, long=True)
SECOND = timedelta(seconds=1)


def queue(server: Server) -> JobQueue:
    short, long = (Queue(Rest(server.url, "queue", KEY), name) for name in ("short", "long"))
    return JobQueue(short, long)


def put_text(server: Server) -> str:
    """The text of the last message that was put."""
    (told,) = ElementTree.fromstring(bytes(server.asked[-1].data))  # noqa: S314 (it is our own)
    return told.text or ""


def hidden(server: Server) -> int:
    """For how many seconds it is not seen."""
    query = parse_qs(urlsplit(server.asked[-1].start[1]).query)
    return int(query["visibilitytimeout"][0])


def seen(text: str) -> Says:
    made = ElementTree.Element("MessageText")
    made.text = text
    return says(200, listed(ElementTree.tostring(made, "unicode")))


NOTHING_SEEN = says(200, b"<QueueMessagesList />")


@pytest.mark.parametrize(
    "message",
    [
        SHORT,
        LONG,
        Message((), NOW, returns=3),
        Message(("a-1",), NOW, trace=CALLER),
        Message(("a-1", "b-2"), NOW, at=NOW + timedelta(microseconds=1)),
        replace(SHORT, sent_at=NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))),
    ],
)
def test_a_message_is_read_as_it_was_written(message: Message) -> None:
    assert (parse_long if message.long else parse)(message.text()) == message
    assert message.text().isascii()


def test_one_that_was_sent_before_messages_told_their_time_is_read() -> None:
    old = parse('{"jobs": ["a-1"], "sent_at": "2026-03-01T12:00:00+00:00"}')
    assert old == Message(("a-1",), NOW, returns=0, at=None)


@pytest.mark.parametrize("trace", [None, "nonsense", 5, ["00"], f"00-{'0' * 32}-1-01"])
def test_a_wrong_trace_ends_no_message(trace: object) -> None:
    text = json.dumps(json.loads(SHORT.text()) | {"trace": trace})
    assert parse(text) == SHORT


def test_a_message_of_fifty_of_the_longest_ids_fits_with_its_trace() -> None:
    ids = tuple(f"{'s' * 40}-20260301T120000Z-{number:040d}" for number in range(50))
    text = replace(SHORT, job_ids=ids, at=NOW, returns=3, trace=CALLER).text()
    assert len(text.encode()) < 8_000, "a message may have 64 KiB"


@pytest.mark.parametrize(
    "changes",
    [
        {"jobs": "a-1"},
        {"jobs": [1]},
        {"jobs": None},
        {"sent_at": "2026-03-01T12:00:00"},
        {"sent_at": "yesterday"},
        {"sent_at": 5},
        {"returns": -1},
        {"returns": True},
        {"returns": "1"},
        {"at": None},
        {"at": "2026-03-01T12:00:00"},
    ],
)
def test_what_is_no_message_is_told_with_what_it_says(changes: dict[str, object]) -> None:
    text = json.dumps(json.loads(SHORT.text()) | changes)
    with pytest.raises(Invalid, match="not a job message"):
        parse(text)


@pytest.mark.parametrize("text", ["", "[]", "5", "{}", "\ud800", "[" * 100_000, "x" * 9999])
def test_nor_is_what_is_no_json_of_ours(text: str) -> None:
    with pytest.raises(Invalid, match="not a job message") as caught:
        parse(text)
    assert len(str(caught.value)) < 600
    with pytest.raises(Invalid, match="not a shard message"):
        parse_shard(text, ["s000"])


def test_a_message_from_the_future_is_as_old_as_when_it_came() -> None:
    assert replace(SHORT, sent_at=NOW + SECOND).received(NOW) == SHORT
    assert SHORT.received(NOW + SECOND) == SHORT


@pytest.mark.parametrize(
    ("until", "seconds"),
    [
        (timedelta(), 0),
        (-timedelta(days=9), 0),
        (timedelta(seconds=61), 61),
        (timedelta(seconds=61, microseconds=999_999), 61),
        (timedelta(days=7), 604_800),
        (timedelta(days=400), 604_800),
    ],
)
def test_a_message_is_seen_from_the_last_whole_second_before(
    until: timedelta, seconds: int
) -> None:
    with Server(put()) as server:
        assert queue(server).send(SHORT, NOW + until) == Sent(RECEIPT, long=False)
        assert hidden(server) == seconds
        assert parse(put_text(server)) == replace(SHORT, at=NOW + until)


def test_one_that_was_made_earlier_waits_from_when_it_is_sent() -> None:
    with Server(put()) as server:
        queue(server).send(SHORT, NOW + 10 * SECOND, NOW + 8 * SECOND)
        assert hidden(server) == 2
        assert parse(put_text(server)).sent_at == NOW


def test_one_that_is_sent_again_keeps_when_it_was_to_be_seen_first() -> None:
    first = replace(SHORT, at=NOW - 9 * SECOND)
    with Server(put()) as server:
        queue(server).send(first, NOW + 5 * SECOND)
        assert hidden(server) == 5
        assert parse(put_text(server)) == first


def test_long_jobs_have_a_queue_of_their_own() -> None:
    taken = says(204, Content_Length="")
    with Server(put(), taken, put(), taken, NOTHING_SEEN, NOTHING_SEEN) as server:
        both = queue(server)
        for message in (SHORT, LONG):
            sent = both.send(message, NOW)
            assert sent.long is message.long
            assert both.take_back(sent)
        assert both.backlog(False, NOW) == both.backlog(True, NOW) == timedelta()
        paths = [urlsplit(one.start[1]).path for one in server.asked]
    message_of = f"messages/{RECEIPT.id}"
    assert paths == [
        *("/short/messages", f"/short/{message_of}"),
        *("/long/messages", f"/long/{message_of}"),
        *("/short/messages", "/long/messages"),
    ]


def test_one_that_somebody_received_cannot_be_taken_back() -> None:
    with Server(refused(400, "PopReceiptMismatch"), refused(404, "MessageNotFound")) as server:
        for _ in range(2):
            assert not queue(server).take_back(Sent(RECEIPT, long=False))


@pytest.mark.parametrize(
    ("first", "waits"),
    [
        (replace(SHORT, at=NOW - 7 * SECOND).text(), 7 * SECOND),
        (replace(SHORT, at=NOW + 7 * SECOND).text(), timedelta()),
        (SHORT.text(), timedelta()),
        ("nonsense", timedelta()),
        ("", timedelta()),
    ],
    ids=["waits", "ahead of its time", "does not tell", "no message", "empty"],
)
def test_the_backlog_is_how_long_the_first_message_has_waited(first: str, waits: timedelta) -> None:
    with Server(seen(first)) as server:
        assert queue(server).backlog(True, NOW) == waits
        assert server.paths == ["GET /long/messages?peekonly=true&numofmessages=1"]


def test_a_queue_of_which_nothing_can_be_seen_has_no_backlog() -> None:
    with Server(NOTHING_SEEN) as server:
        assert queue(server).backlog(False, NOW) == timedelta()


def test_storage_that_fails_is_told_in_our_words() -> None:
    with Server(*[refused(403, "AuthorizationFailure")] * 3) as server:
        both = queue(server)
        for call in (
            lambda: both.send(SHORT, NOW),
            lambda: both.take_back(Sent(RECEIPT, long=True)),
            lambda: both.backlog(False, NOW),
        ):
            with pytest.raises(Refused, match="queue storage: no permission"):
                call()
    error = pytest.raises(Unavailable, match="404 QueueNotFound")
    with Server(refused(404, "QueueNotFound")) as server, error:
        queue(server).backlog(False, NOW)


def test_a_shard_is_one_that_there_is() -> None:
    assert parse_shard('{"shard": "s001"}', ["s000", "s001"]) == "s001"
    for text in ('{"shard": "s002"}', '{"shard": 1}', "{}"):
        with pytest.raises(Invalid, match="not a shard message"):
            parse_shard(text, ["s000", "s001"])
