"""What a channel sends, and what it says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """The words of a notification."""

    subject: str = ""
    """One line; a text message has none."""
    text: str
    html: str = ""
    """For mail; empty: text only."""
    reply_to: str = ""
    """Of a mail: the address that answers go to; empty: the sender."""
    images: Mapping[str, bytes] = field(default_factory=dict)
    """PNG files that `html` shows, by their content ids (`<img src="cid:...">`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What a provider says of a notification that it accepted."""

    provider_id: str = ""
    segments: int = 0
    """Parts of a text message; 0 for other channels."""
    cost_micros: int | None = None
    """In millionths of `cost_currency`; None: the provider has not said."""
    cost_currency: str = ""
