"""What a job of a critical task will do, as it is shown to the person who approves it (O5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SAMPLE = 20
"""How many recipients a preview names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """Exactly what will happen. The approval is for this: if it differs later, it is asked for
    anew."""

    title: str
    """In a few words, such as "Mail to 312 customers"."""
    text: str = ""
    """What will be sent or written, rendered, in full."""
    recipients: tuple[str, ...] = ()
    """Who gets it: at most `SAMPLE` of them, masked as in logs."""
    recipient_count: int = 0
    amount: str = ""
    """Money that is moved or owed, with its currency; empty for none."""
    target: str = ""
    """The place outside that it goes to, such as a host or an account; empty for none."""
    digest: str = ""
    """A hash of what is too long to show, such as all recipients; empty for none."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What else matters, by a name for people."""
