"""The headers of a delivery, with a signature by each current key. Pure.

Standard Webhooks 1.0.0: the signed text is `id.timestamp.body`; a webhook whose key is being
changed gets a signature by the new and by the old one, so that its receiver can change at any time
in between.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from shared.errors import Refused
from shared.resources.model import Resource
from shared.resources.webhooks import Webhook

AGENT = "belfry-webhooks/1"
_LENGTHS = range(24, 65)
"""In bytes."""


def headers(id: str, at: datetime, body: str, keys: Sequence[str]) -> dict[str, str]:
    """What Standard Webhooks asks for; `at` is when this attempt begins."""
    from standardwebhooks import Webhook as Signer

    at = at.astimezone(UTC)  # the library takes any other zone for UTC
    signatures = [Signer(key).sign(id, at, body) for key in keys]
    return {
        "content-type": "application/json; charset=utf-8",
        "user-agent": AGENT,
        "webhook-id": id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def all_headers(
    own: Mapping[str, str], id: str, at: datetime, body: str, keys: Sequence[str]
) -> dict[str, str]:
    """With the webhook's own, none of which takes the place of one that we set."""
    ours = headers(id, at, body, keys)
    return {name: value for name, value in own.items() if name.lower() not in ours} | ours


def keys_of(webhook: Resource[Webhook], now: datetime) -> list[str]:
    """The current keys, the newest first. Raises `Refused` if it has none, or one is no key."""
    names = ["signing_key"]
    if _still(webhook.what.old_key_until, now):
        names.append("old_signing_key")
    found = [webhook.secrets[name].reveal() for name in names if webhook.secrets.get(name)]
    if not found:
        raise Refused(f"webhook {webhook.id}", "it has no signing_key; give it one")
    if not all(map(is_key, found)):
        said = "its signing key must be `whsec_` and 24 to 64 bytes in base64"
        raise Refused(f"webhook {webhook.id}", said)
    return found


def is_key(text: str) -> bool:
    """Whether it is a key of the scheme `v1`."""
    prefix, _, rest = text.partition("_")
    try:
        return prefix == "whsec" and len(base64.b64decode(rest, validate=True)) in _LENGTHS
    except binascii.Error:
        return False


def _still(until: str, now: datetime) -> bool:
    """Whether that instant is yet to come."""
    if not until:
        return False
    at = datetime.fromisoformat(until)
    return now < (at if at.tzinfo is not None else at.replace(tzinfo=UTC))
