"""The storage did what was asked, and its answer was lost: a message is still sent once."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline.transport import RequestsTransport

from shared.messages.channels import channels_from
from shared.messages.model import MessageStatus
from shared.messages.outbox import Outbox
from shared.messages.service import Messages
from shared.settings import from_env
from shared.storage.connect import Connection
from shared.storage.names import Names
from tests.integration.messages.conftest import ANA, Office
from tests.integration.messages.vendors import Reply


class Losing(RequestsTransport):  # type: ignore[misc]
    """Loses the answer to the transaction of that number."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.left = number

    def send(self, request: Any, **options: Any) -> Any:
        answer = super().send(request, **options)
        if request.url.endswith("$batch"):
            self.left -= 1
            if self.left == -1:
                raise ServiceResponseError("the answer was lost")
        return answer


def losing(office: Office, number: int) -> tuple[Messages, Losing]:
    settings = from_env(office.env())
    name = Names(settings.prefix).messages
    transport = Losing(number)
    wire = Connection(settings.storage, transport).table(name)
    outbox = Outbox(wire, Connection(settings.storage), name)
    channels = channels_from(settings.messaging)
    return Messages(outbox, channels, lambda: [ANA], office.clock), transport


@pytest.mark.parametrize("number", range(3))
def test_of_a_message_that_is_sent(office: Office, number: int) -> None:
    """The three: it is written down, taken, noted as sent."""
    messages, transport = losing(office, number)
    (done,) = messages.mail_administrators(key="k", subject="s", text="t")
    assert transport.left < 0, "an answer was lost"
    assert (done.status, done.attempts) == (MessageStatus.SENT, 1)
    assert office.all() == [done]
    assert office.vendors.mailed() == [ANA]


def test_of_a_message_that_failed(office: Office) -> None:
    messages, transport = losing(office, 2)
    office.vendors.say("mail", Reply(500))
    (done,) = messages.mail_administrators(key="k", subject="s", text="t")
    assert transport.left < 0
    assert (done.status, done.attempts) == (MessageStatus.FAILED, 1)
    assert office.all() == [done]


def test_of_what_is_over_the_storage_is_not_asked_again(office: Office) -> None:
    messages, transport = losing(office, 1000)
    messages.mail_administrators(key="k", subject="s", text="t")
    before = transport.left
    assert messages.mail_administrators(key="k", subject="s", text="t") == []
    assert transport.left == before
    office.vendors.say("mail", Reply(500))
    for _ in range(2):
        (failed,) = messages.mail_administrators(key="waits", subject="s", text="t")
        assert failed.status is MessageStatus.FAILED
