"""The storage did what was asked, and its answer was lost: a notification is still sent once."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline.transport import RequestsTransport

from shared.notifications.channels import senders
from shared.notifications.double import Reply
from shared.notifications.model import NotificationStatus
from shared.notifications.outbox import Outbox
from shared.notifications.service import Notifications
from shared.storage.connect import Connection
from shared.storage.names import Names
from tests.integration.notifications.conftest import ANA, Office


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


def losing(office: Office, number: int) -> tuple[Notifications, Losing]:
    settings = office.settings()
    transport = Losing(number)
    outbox = Outbox(Connection(settings.storage, transport), Names(settings.prefix).notifications)
    return Notifications(outbox, senders(settings.channels), lambda: [ANA], office.clock), transport


@pytest.mark.parametrize("number", range(3))
def test_of_a_notification_that_is_sent(office: Office, number: int) -> None:
    """The three: it is written down, taken, noted as sent."""
    notifications, transport = losing(office, number)
    (done,) = notifications.mail_administrators(key="k", subject="s", text="t")
    assert transport.left < 0, "an answer was lost"
    assert (done.status, done.attempts) == (NotificationStatus.SENT, 1)
    assert office.all() == [done]
    assert office.vendors.mailed() == [ANA]


def test_of_a_notification_that_failed(office: Office) -> None:
    notifications, transport = losing(office, 2)
    office.vendors.say("mail", Reply(500))
    (done,) = notifications.mail_administrators(key="k", subject="s", text="t")
    assert transport.left < 0
    assert (done.status, done.attempts) == (NotificationStatus.FAILED, 1)
    assert office.all() == [done]


def test_of_what_is_over_the_storage_is_not_asked_again(office: Office) -> None:
    notifications, transport = losing(office, 1000)
    notifications.mail_administrators(key="k", subject="s", text="t")
    before = transport.left
    assert notifications.mail_administrators(key="k", subject="s", text="t") == []
    assert transport.left == before
    office.vendors.say("mail", Reply(500))
    for _ in range(2):
        (failed,) = notifications.mail_administrators(key="waits", subject="s", text="t")
        assert failed.status is NotificationStatus.FAILED
