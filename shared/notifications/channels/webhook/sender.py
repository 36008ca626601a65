"""Sends to a webhook: JSON, signed as Standard Webhooks has it.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from shared.log import instant
from shared.notifications.channels.webhook import PREFIX
from shared.notifications.content import Content, Receipt
from shared.notifications.model import Entry
from shared.notifications.post import post
from shared.settings import Secret, Values


def sender(values: Values) -> Webhook:
    """The channel's sender, made from the values of its settings."""
    return Webhook(values["WEBHOOK_URL"], values["WEBHOOK_SECRET"])


class Webhook:
    """The URL, and the key if there is one."""

    def __init__(self, url: Secret, key: Secret) -> None:
        self._url = url
        self._key = key

    def send(self, entry: Entry, content: Content) -> Receipt:
        """Send it. The header `webhook-id` is the notification's id, the same in each attempt: by
        it the receiver recognises a repetition."""
        body = {
            "kind": entry.kind,
            "subject": content.subject,
            "text": content.text,
            "key": entry.key,
            "created_at": instant(entry.created_at),
        }
        at = int((entry.claimed_at or entry.created_at).timestamp())

        def signed(raw: bytes) -> Mapping[str, str]:
            return headers(self._key, entry.id, at, raw)

        post("webhook", self._url, body, [self._url, self._key], signed)
        return Receipt()


def headers(key: Secret, id: str, at: int, body: bytes) -> dict[str, str]:
    """The headers of a message with that id, sent at `at` (seconds since 1970)."""
    made = {"webhook-id": id, "webhook-timestamp": str(at)}
    if key:
        secret = base64.b64decode(key.reveal().removeprefix(PREFIX))
        said = f"{id}.{at}.".encode() + body
        digest = hmac.new(secret, said, hashlib.sha256).digest()
        made["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return made
