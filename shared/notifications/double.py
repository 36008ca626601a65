"""How a channel's service behaves when a test plays it, on a local port.

Each channel has its own (`channels/*/double.py`); the app loads none.
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
    """Write this and end the connection, though the request was taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Double:
    """A service that takes everything."""

    settings: Callable[[str], Mapping[str, str]]
    """The channel's variables for a service at that URL; secrets in them have `hush` in them."""
    path: str
    """Where the channel posts to."""
    secret: str
    """What must be in no log, error or row, even if the service repeats it."""
    well: Reply
    """What it answers."""
