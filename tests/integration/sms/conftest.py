"""A Twilio of one's own, and the channel that talks to it by Twilio's library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.azurite import Azurite
from shared.clock import ManualClock
from shared.notifications import channels
from shared.notifications.channels.sms.sender import TIMEOUTS
from shared.notifications.channels.sms.sender import Twilio as Channel
from shared.notifications.consent import Consent, watched
from shared.notifications.content import Content, Receipt
from shared.notifications.kinds import SMS
from shared.notifications.model import Entry, NotificationStatus, notification_id
from shared.notifications.service import Notifications
from shared.settings import Secret, SmsSettings, from_env
from tests.integration.notifications.conftest import Office as Outboxes
from tests.integration.notifications.texting import FREE, Clinic, message
from tests.integration.notifications.vendors import vendors
from tests.untold import UNTOLD
from tests.vendors.twilio import ACCOUNT, SENDER, TOKEN, Twilio, twilio

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ANA = "+4915112345678"
UNTIL = START + timedelta(hours=12)
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


@dataclass
class Post:
    """A process's own service, which sends by Twilio."""

    office: Outboxes
    vendor: Twilio
    clinic: Clinic
    database: Secret

    def service(self, *, token: str = TOKEN, sms: SmsSettings = FREE) -> Notifications:
        channel = channel_at(self.vendor.url, token=token, timeouts=(5, 0.5))
        return Notifications(
            self.office.outbox(),
            watched({SMS: channel}, Consent(self.database, "US"), UNTOLD),
            lambda: (),
            self.office.clock,
            sms=sms,
            reviews=self.clinic.reviews(),
        )

    def send(self, number: int = 1) -> Entry:
        (entry,) = self.service().send([message(number, UNTIL)])
        return entry

    def later(self, by: timedelta) -> list[Entry]:
        return self.service().flush(self.office.clock.advance(by))


@pytest.fixture
def post(azurite: Azurite, tmp_path: Path) -> Iterator[Post]:
    clock = ManualClock(START)
    with vendors() as chats, twilio(clock.now) as vendor:
        office = Outboxes(azurite.connection_string, chats, clock=clock)
        yield Post(office, vendor, Clinic(), Secret(f"sqlite:///{tmp_path}/none.db"))
