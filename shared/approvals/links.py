"""Links by which people decide on an approval: the one place that makes and reads them. Pure.

A link says which approval, who got it, and until when it opens anything; an HMAC signs that. It
opens a page, and changes nothing: mail scanners and chats open links by themselves. What decides is
the form of the page, which carries a token that is bound to the link.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.approvals.model import Approval
from shared.errors import NotFound

PATH = "/approve"
KEY = "approvals.key"
"""The secret of the app (`Meta.secret`) that signs links."""
SHOWN_FOR = timedelta(days=30)
"""For so long after its deadline a link still shows how it ended."""
_FORM = b"form:"
_GONE = "this link is wrong, or too old; read the approval by the API"


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says."""

    approval: str
    recipient: str
    """Whose link it is: an address. Empty: of a chat, where it shows what waits; but nobody knows
    who is there, so nothing can be decided by it."""
    until: datetime


def link_for(approval: Approval, recipient: str) -> Link:
    """The link to an approval for whoever gets it."""
    return Link(approval.id, recipient, (approval.expires_at + SHOWN_FOR).replace(microsecond=0))


def token(key: bytes, link: Link) -> str:
    """The link's last part."""
    said = json.dumps(
        [link.approval, link.recipient, int(link.until.timestamp())], separators=(",", ":")
    ).encode()
    return f"{_text(said)}.{_text(_mac(key, said))}"


def read(key: bytes, text: str, now: datetime) -> Link:
    """The link of a token. Raises `NotFound` if it is not signed by the key, or too old."""
    body, _, mac = text.partition(".")
    try:
        said = _bytes(body)
        signed = hmac.compare_digest(_bytes(mac), _mac(key, said))
    except ValueError:
        raise NotFound(_GONE) from None
    if not signed:
        raise NotFound(_GONE)
    approval, recipient, until = json.loads(said)
    link = Link(approval, recipient, datetime.fromtimestamp(until, UTC))
    if now >= link.until:
        raise NotFound(_GONE)
    return link


def form_token(key: bytes, text: str, digest: str) -> str:
    """What the form of that link's page carries: it fits no other link, and no other content."""
    return _text(_mac(key, _FORM + f"{text}:{digest}".encode()))


def is_form_token(key: bytes, text: str, digest: str, given: str) -> bool:
    """Whether a form was that of the link's page."""
    return hmac.compare_digest(form_token(key, text, digest).encode(), given.encode())


def _mac(key: bytes, said: bytes) -> bytes:
    return hmac.new(key, said, hashlib.sha256).digest()


def _text(said: bytes) -> str:
    return urlsafe_b64encode(said).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    """Raises `ValueError`."""
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
