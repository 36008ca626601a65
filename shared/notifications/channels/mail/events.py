"""What SendGrid tells us by HTTP of mail that it accepted: its Event Webhook.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.errors import Invalid
from shared.notifications.channels.mail.sender import NOTIFICATION
from shared.notifications.delivery import Delivery, DeliveryState
from shared.notifications.model import is_id, one_line
from shared.settings import Secret

EVENTS_PATH = "/hooks/sendgrid/events"
SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
TOLERANCE = timedelta(minutes=10)
"""How far the time of the signature may be from now."""
_CODE = 50
_STATES = {
    "processed": DeliveryState.QUEUED,
    "deferred": DeliveryState.QUEUED,
    "delivered": DeliveryState.DELIVERED,
    "bounce": DeliveryState.UNDELIVERED,
    "dropped": DeliveryState.FAILED,
}


def is_signed(body: bytes, headers: Mapping[str, str], key: Secret, now: datetime) -> bool:
    """Whether SendGrid signed this body with the private key to `key`, not long ago: by ECDSA on
    the curve P-256, with SHA-256, over the header with the time and the body. False without a
    signature or a key."""
    signature, timestamp = headers.get(SIGNATURE, ""), headers.get(TIMESTAMP, "")
    if not (key and signature and _is_recent(timestamp, now)):
        return False
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        public = load_der_public_key(base64.b64decode(key.reveal()))
        if not isinstance(public, ec.EllipticCurvePublicKey):
            return False
        signed = base64.b64decode(signature, validate=True)
        public.verify(signed, timestamp.encode() + body, ec.ECDSA(SHA256()))
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _is_recent(timestamp: str, now: datetime) -> bool:
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 11):
        return False
    return abs(now - datetime.fromtimestamp(int(timestamp), UTC)) <= TOLERANCE


def deliveries(body: bytes) -> Iterator[Delivery]:
    """What the events say of our notifications, each once. Mail that others send by the same
    account, and events such as `open`, are left out. Raises `Invalid`."""
    try:
        events = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid("body", f"send JSON ({error})") from None
    if not isinstance(events, list):
        raise Invalid("body", "send a list of events")
    found = (_delivery(one) for one in events if isinstance(one, dict))
    yield from dict.fromkeys(one for one in found if one is not None)


def _delivery(event: Mapping[str, Any]) -> Delivery | None:
    id, state = str(event.get(NOTIFICATION, "")), _STATES.get(str(event.get("event")))
    if state is None or not is_id(id):
        return None
    return Delivery(
        id=id,
        # before the first dot stands what SendGrid answered when it accepted the mail
        provider_id=str(event.get("sg_message_id", "")).partition(".")[0],
        state=state,
        error_code=_code(event) if state.final else None,
    )


def _code(event: Mapping[str, Any]) -> str | None:
    """Of a bounce the status (RFC 3463), such as 5.1.1; of what was dropped the reason."""
    return one_line(str(event.get("status") or event.get("reason") or ""), _CODE) or None
