"""To approvers: a critical job waits for them (O5)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BeforeValidator, NonNegativeInt, PositiveInt, StringConstraints

from shared.notifications.kinds import MAIL, NAME, Data, Kind, Name, Timezone, printable
from shared.text import cut

_LINES, _TEXT = 100, 6_000


def _lines(value: object) -> object:
    """Somebody else's text, its lines as they are; a long one is cut, since the page has all."""
    if not isinstance(value, str):
        return value
    lines = [printable(one, 600) for one in value.splitlines()]
    text = "\n".join(lines[:_LINES])
    return text if len(lines) <= _LINES and len(text) <= _TEXT else f"{cut(text, _TEXT)}\n..."


def _short(value: object) -> object:
    return printable(value, NAME) if isinstance(value, str) else value


Said = Annotated[str, BeforeValidator(_short)]
"""One line; empty if there is nothing to say."""


class ApprovalWaiting(Data):
    """What a job will do once somebody lets it."""

    word: Literal["waits", "reminder"]
    title: Name
    text: Annotated[str, BeforeValidator(_lines)] = ""
    """What will be sent or done."""
    recipients: NonNegativeInt = 0
    amount: Said = ""
    target: Said = ""
    """Where it goes."""
    facts: tuple[tuple[Name, Said], ...] = ()
    schedule: Name
    task: Name
    project: Said = ""
    asked_by: Name
    persons: PositiveInt = 1
    """How many must approve."""
    until: AwareDatetime
    timezone: Timezone
    approval_id: Name
    link: Annotated[str, StringConstraints(pattern=r"^(https?://[\x21-\x7e]{1,2000})?$")] = ""
    """Of this recipient alone; empty if nobody knows where the app is."""


KIND = Kind(
    channel=MAIL,
    data=ApprovalWaiting,
    sample={
        "word": "waits",
        "title": "Mail to 312 customers",
        "text": "Dear customer,\nyour invoice of March is ready.",
        "recipients": 312,
        "amount": "1,842.50 EUR",
        "target": "api.sendgrid.com",
        "facts": [["Month", "2026-03"]],
        "schedule": "Month's end",
        "task": "send_invoices",
        "project": "7",
        "asked_by": "ann@example.com",
        "persons": 2,
        "until": "2026-12-01T08:00:00Z",
        "timezone": "Europe/Berlin",
        "approval_id": "a0123456789abcdef01234567",
        "link": "https://belfry.example.com/approve/x.y",
    },
)
