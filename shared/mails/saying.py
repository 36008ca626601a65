"""What a mail says, what is shown of it before, and what its job returns. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence

from shared.exports.model import ExportFile
from shared.mails.params import MailParams
from shared.notifications.content import Content
from shared.notifications.model import Entry, NotificationStatus
from shared.redaction import masked_address
from shared.tasks import Preview
from shared.tasks.preview import SAMPLE

KIND = "customer_mail"
_SENT = frozenset({NotificationStatus.SENT, NotificationStatus.DELIVERED})


def recipients(params: MailParams) -> list[str]:
    """The addresses, each once; the case of an address does not count."""
    known: dict[str, str] = {}
    for one in params.to:
        known.setdefault(one.casefold(), one)
    return list(known.values())


def data(
    params: MailParams, schedule: str, timezone: str, file: Mapping[str, object] | None
) -> Mapping[str, object]:
    """The values of the notification's kind. `file`: those of its `File`."""
    return {
        "subject": params.subject,
        "text": params.text,
        "reply_to": params.reply_to or "",
        "file": file,
        "schedule": schedule,
        "timezone": timezone,
    }


def preview(params: MailParams, content: Content, file: ExportFile | None) -> Preview:
    """What the person who approves it is shown. `content`: the mail without its link, which is made
    when it is sent, and would be another each time."""
    to = recipients(params)
    whom = masked_address(to[0]) if len(to) == 1 else f"{len(to)} addresses"
    facts = {"Subject": content.subject}
    if params.reply_to is not None:
        facts["Answers go to"] = params.reply_to
    if file is not None:
        facts["File"] = f"{file.file_name} ({file.bytes:,} bytes, SHA-256 {file.sha256})"
        facts["Link works for"] = f"{params.link_hours} hours"
    return Preview(
        title=f"Mail to {whom}",
        text=content.text,
        recipients=tuple(masked_address(one) for one in to[:SAMPLE]),
        recipient_count=len(to),
        digest=digest_of(to),
        facts=facts,
    )


def digest_of(addresses: Collection[str]) -> str:
    """A digest of all recipients, in whatever order: 64 hex digits."""
    whole = json.dumps(sorted(one.casefold() for one in addresses))
    return hashlib.sha256(whole.encode()).hexdigest()


def result(entries: Sequence[Entry]) -> dict[str, object]:
    """What the job returns. `waiting`: a later attempt sends them."""
    sent = sum(one.status in _SENT for one in entries)
    waiting = sum(one.status not in _SENT and one.next_at is not None for one in entries)
    return {
        "recipients": len(entries),
        "sent": sent,
        "waiting": waiting,
        "failed": len(entries) - sent - waiting,
        "notifications": [one.id for one in entries],
    }


def in_vain(entries: Sequence[Entry]) -> str | None:
    """Why nobody gets it; None if somebody does, or still may."""
    if not entries or any(one.status in _SENT or one.next_at is not None for one in entries):
        return None
    return entries[0].error or f"it ended as {entries[0].status}"
