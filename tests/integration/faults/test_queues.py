"""One fault at each request to the job queues: no message is lost, and who asks is told right."""

from __future__ import annotations

import itertools
from datetime import timedelta

from azure.storage.queue import QueueClient

from local.azurite import Azurite
from shared.storage.names import Names
from shared.storage.queues.jobs import JobQueue, Message, parse
from tests.faults import Fault
from tests.integration.faults.conftest import Faulty
from tests.integration.faults.kinds import every_kind
from tests.integration.faults.test_one_fault import each_request

_numbers = itertools.count()


def queue(faulty: Faulty) -> JobQueue:
    return faulty.engine.app.queue


def message(faulty: Faulty, *, long: bool = False) -> Message:
    return Message((f"a-{next(_numbers)}",), faulty.engine.clock.now(), long=long)


@every_kind
def test_a_message_that_was_sent_is_there(faulty: Faulty, azurite: Azurite, fault: Fault) -> None:
    """Twice, if the first answer was lost: a queue delivers at least once."""
    names = Names(faulty.engine.app.settings.prefix)
    for long, name in ((False, names.queue), (True, names.long_queue)):
        with QueueClient.from_connection_string(azurite.connection_string, name) as client:
            for _ in each_request(faulty, fault, service="queue"):
                sent = message(faulty, long=long)
                queue(faulty).send(sent, sent.sent_at)
                there = [parse(one.content, long=long) for one in client.receive_messages()]
                assert {one.job_ids for one in there} == {sent.job_ids}
                assert len(there) <= 2
                client.clear_messages()


@every_kind
def test_one_that_is_taken_back_is_gone(faulty: Faulty, fault: Fault) -> None:
    now = faulty.engine.clock.now()
    for _ in each_request(faulty, fault, operation="message"):
        sent = faulty.calm.app.queue.send(message(faulty), now + timedelta(minutes=1))
        queue(faulty).take_back(sent)  # whether it was there may not be known
        assert not queue(faulty).take_back(sent)


@every_kind
def test_a_backlog_is_what_it_is(faulty: Faulty, fault: Fault) -> None:
    sent = message(faulty)
    queue(faulty).send(sent, sent.sent_at)
    for _ in each_request(faulty, fault, service="queue"):
        now = sent.sent_at + timedelta(seconds=9)
        assert queue(faulty).backlog(False, now) == timedelta(seconds=9)
        assert queue(faulty).backlog(True, now) == timedelta()
