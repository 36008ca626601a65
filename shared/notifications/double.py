"""How a channel's service behaves when a test's local server takes its place.

Each channel has its own (`channels/*/double.py`). The app imports none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    """Write these bytes instead of an answer, and close the connection, though the request was
    accepted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Double:
    """A service that accepts every request."""

    settings: Callable[[str], Mapping[str, str]]
    """The channel's variables for a service at that URL."""
    path: str
    """The path that the channel posts to."""
    secret: str
    """A part of the values that only this channel has. No log, error or row may contain it, even if
    the service repeats it."""
    well: Reply
    """Its answer when all is well."""
