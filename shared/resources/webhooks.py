"""A webhook: where a customer wants events delivered, in the form of Standard Webhooks
(https://www.standardwebhooks.com). Pure."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from shared.resources.model import Described


class Webhook(Described):
    """A webhook."""

    SECRETS: ClassVar[tuple[str, ...]] = ("signing_key", "old_signing_key", "url")
    """`signing_key`: `whsec_` and 24 to 64 bytes in base64. `old_signing_key` signs as well until
    `old_key_until`. `url`: the whole URL, whose path and query may hold a secret."""

    host: str = Field(default="", max_length=255)
    """Of its URL; what lists show."""
    shown_url: str = Field(default="", max_length=300)
    """Its URL as people may see it: the host, and the beginning of the path."""
    ordered: bool = False
    """Whether a delivery waits until all before it have ended."""
    headers: dict[str, str] = Field(default_factory=dict, max_length=20)
    """Further headers of each request; no secrets."""
    old_key_until: str = ""
    """An instant: until when deliveries are signed with the old key too."""
