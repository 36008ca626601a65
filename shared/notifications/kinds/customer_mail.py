"""To addresses that a schedule names: what a customer wrote (the task `mail`, C12)."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, NonNegativeInt, StringConstraints

from shared.notifications.kinds import MAIL, Data, Kind, Name, Timezone
from shared.notifications.kinds.export_ready import Link
from shared.text import clean

LONGEST = 20_000
"""Characters of a text."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TURNING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
"""What makes text read as another than it is: a URL would be shown backwards."""


def written(text: str) -> str:
    """Somebody's text of many lines: composed, with no control characters, and no blanks at the
    ends of lines."""
    lines = re.split(r"\r\n?|[\n\x0b\x0c\x85\u2028\u2029]", clean(text))
    composed = unicodedata.normalize("NFC", "\n".join(line.rstrip() for line in lines))
    return _TURNING.sub("", _CONTROL.sub(" ", composed)).strip("\n")


def _written(value: object) -> object:
    return written(value) if isinstance(value, str) else value


Text = Annotated[
    str, StringConstraints(min_length=1, max_length=LONGEST), BeforeValidator(_written)
]


class File(Data):
    """A file that the mail leads to."""

    name: Name
    bytes: NonNegativeInt
    link: Link
    link_ends_at: AwareDatetime


class CustomerMail(Data):
    """A mail as it was written."""

    subject: Name
    text: Text
    reply_to: str = ""
    """The address that answers go to; empty: Belfry's own."""
    file: File | None = None
    schedule: Name
    """The name of the schedule, or of the step, that sends it."""
    timezone: Timezone
    """In which the end of the link is told."""


def _reply_to(data: CustomerMail) -> str:
    return data.reply_to


KIND = Kind(
    channel=MAIL,
    to_customers=True,
    most_addresses=50,
    own_words=True,
    reply_to=_reply_to,
    data=CustomerMail,
    sample={
        "subject": "Welcome to Example",
        "text": "Hello Ana,\n\nyour account is ready: https://app.example.com/first?a=1&b=2.\n"
        "Write to us if anything is missing.\n\nThe team of Example",
        "reply_to": "help@example.com",
        "file": {
            "name": "runs-20261130T060000Z.pdf",
            "bytes": 214_016,
            "link": "https://example.blob.core.windows.net/belfry-exports/7/runs.pdf?sig=x",
            "link_ends_at": "2026-12-03T06:00:00Z",
        },
        "schedule": "Onboarding",
        "timezone": "Europe/Berlin",
    },
)
