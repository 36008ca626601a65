"""What callers ask for, as drafts: the notifications that are stored."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from shared.errors import Invalid
from shared.notifications.kinds import MAIL, SMS, kind
from shared.notifications.model import Draft, draft
from shared.notifications.port import Message
from shared.notifications.rendering import read, render
from shared.text import units

LANGUAGE = "en"
"""Of what administrators get."""
_ABOUT = 30_000
"""The most units that the data of a notification have as JSON."""


def to_owner(message: Message) -> Draft:
    """A message to an owner; its words come right before it is sent. Raises `Invalid`."""
    channel = kind(message.kind).channel
    if channel != SMS:
        raise Invalid("kind", f"{message.kind} goes by {channel}; owners are told by {SMS}")
    if message.useful_until.tzinfo is None:
        raise Invalid("useful_until", "give it with its zone")
    key = f"{message.tenant_id}:{message.owner_id}:{message.kind}:{message.occasion}"
    asked = draft(
        key=key, channel=channel, recipient=f"owner:{message.owner_id}", subject="", text=""
    )
    return replace(
        asked,
        kind=message.kind,
        about=_small(message.about),
        tenant_id=message.tenant_id,
        owner_id=message.owner_id,
        useful_until=message.useful_until,
    )


def report(
    name: str, key: str, data: Mapping[str, object], addresses: Iterable[str]
) -> list[Draft]:
    """A mail of that kind to each address. Raises `Invalid`, `Misconfigured`."""
    if kind(name).channel != MAIL:
        raise Invalid("kind", f"{name} goes by {kind(name).channel}; a report goes by {MAIL}")
    about = _small(read(name, data).model_dump(mode="json"))
    content = render(name, about, LANGUAGE)
    asked = mails(key, content.subject, content.text, addresses)
    return [replace(one, kind=name, about=about) for one in asked]


def mails(key: str, subject: str, text: str, addresses: Iterable[str]) -> list[Draft]:
    """A mail to each address. If there is none, one mail without a recipient, which stays in the
    outbox for a person to find."""
    known: dict[str, str] = {}
    for one in addresses:
        known.setdefault(one.strip().casefold(), one)
    return [
        draft(key=key, channel=MAIL, recipient=one, subject=subject, text=text)
        for one in known.values() or [""]
    ]


def _small(data: Mapping[str, object]) -> Mapping[str, object]:
    """The data, if they fit into a row."""
    size = units(json.dumps(dict(data)))
    if size > _ABOUT:
        raise Invalid("data", f"are {size} characters as JSON; at most {_ABOUT} can be stored")
    return data
