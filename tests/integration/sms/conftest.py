"""A Twilio of one's own, and the channel that talks to it by Twilio's library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.clock import ManualClock
from shared.notifications import channels
from shared.notifications.channels.sms.sender import TIMEOUTS
from shared.notifications.channels.sms.sender import Twilio as Channel
from shared.notifications.content import Content, Receipt
from shared.notifications.kinds import SMS
from shared.notifications.model import Entry, NotificationStatus, notification_id
from shared.settings import Secret, from_env
from tests.vendors.twilio import ACCOUNT, SENDER, TOKEN, Twilio, twilio

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ANA = "+4915112345678"
BODY = "Luna's appointment is tomorrow at 10:00. Reply STOP to end."


def entry_of(**given: Any) -> Entry:
    """A text message to Ana, taken for its first attempt."""
    known: dict[str, Any] = {
        "key": "k",
        "channel": SMS,
        "recipient": "owner:1",
        "subject": "",
        "text": BODY,
        "id": notification_id("0" * 32, START),
        "status": NotificationStatus.SENDING,
        "created_at": START,
        "claimed_at": START,
        "next_at": START + timedelta(minutes=10),
        "useful_until": START + timedelta(hours=3),
        "address": ANA,
    }
    return Entry(**known | given)


@dataclass
class Office:
    """The channel, and the Twilio that it talks to."""

    vendor: Twilio
    clock: ManualClock
    channel: Channel

    def send(self, text: str = BODY, **given: Any) -> Receipt:
        return self.channel.send(entry_of(**given), Content(text=text))

    def with_settings(self, **changes: str) -> Channel:
        """The channel as the app makes it, from the settings."""
        environ = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"} | self.vendor.settings()
        read = from_env(environ | changes, channels=channels.declared())
        made = channels.senders(read.channels)["sms"]
        assert isinstance(made, Channel)
        return made


def channel_at(
    url: str, *, sender: str = SENDER, token: str = TOKEN, timeouts: tuple[float, float] = TIMEOUTS
) -> Channel:
    """The channel, to a Twilio at that URL."""
    return Channel(
        account=ACCOUNT,
        token=Secret(token),
        sender=sender,
        url=url,
        public_url="https://belfry.example.com",
        timeouts=timeouts,
    )


@pytest.fixture
def office() -> Iterator[Office]:
    clock = ManualClock(START)
    with twilio(clock.now) as vendor:
        yield Office(vendor, clock, channel_at(vendor.url))


__all__ = ["ANA", "BODY", "START", "Office", "channel_at", "entry_of", "replace"]
