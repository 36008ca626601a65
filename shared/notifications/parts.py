"""The parts of the service, made to fit each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.clock import Clock
from shared.notifications.administration import Administration
from shared.notifications.attempts import Attempts
from shared.notifications.budget import Budget
from shared.notifications.capping import Caps
from shared.notifications.circuits import Circuits
from shared.notifications.deciding import Decider
from shared.notifications.kinds import SMS
from shared.notifications.model import MAIL, Draft
from shared.notifications.outbox import Outbox
from shared.notifications.owners import Owners
from shared.notifications.port import Review
from shared.notifications.problems import Problems
from shared.notifications.rules.price import Price
from shared.notifications.sending import Sender, account
from shared.notifications.settling import Settler
from shared.settings import SmsSettings

_NOBODY = "no e-mail address of a system administrator is known; see DATABASE_URL"
_NOT_SET_UP = {
    MAIL: "mail is not set up; set SENDGRID_API_KEY and MAIL_FROM",
    SMS: (
        "text messages are not set up; set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM"
    ),
}


@dataclass(frozen=True, slots=True)
class Parts:
    """What the service is made of."""

    owners: Owners
    administration: Administration
    settler: Settler
    circuits: Circuits
    price: Price


def made(
    outbox: Outbox,
    channels: Mapping[str, Sender],
    clock: Clock,
    sms: SmsSettings,
    reviews: Mapping[str, Review],
    problems: Problems,
) -> Parts:
    """The parts. `reviews` by kind."""
    price = Price(sms.segment_micros, sms.currency)
    accounts = {name: account(sender) for name, sender in channels.items()}
    circuits = Circuits(outbox.facts, accounts, problems)
    attempts = Attempts(outbox, channels, circuits, price, clock)
    decide = Decider(reviews, channels, sms, _explained)
    caps = Caps(Budget(outbox.facts, sms.per_second), sms, decide.next_open, problems)

    def reason(draft: Draft) -> str | None:
        return why_not(channels, draft)

    return Parts(
        Owners(outbox, attempts, circuits, caps, decide, price, clock),
        Administration(outbox, attempts, circuits, channels, reason, clock),
        Settler(outbox, channels, circuits, price, clock, problems),
        circuits,
        price,
    )


def chats(channels: Mapping[str, Sender]) -> Iterator[str]:
    """The configured channels that each have one place to write to."""
    return (name for name in channels if name not in (MAIL, SMS))


def why_not(channels: Mapping[str, Sender], wanted: Draft) -> str | None:
    """Why a notification to administrators cannot be sent; None if it can be."""
    if wanted.channel == MAIL and not wanted.recipient:
        return _NOBODY
    return None if wanted.channel in channels else _explained(wanted.channel)


def _explained(channel: str) -> str:
    return _NOT_SET_UP.get(channel, f"{channel} is not set up any more")
