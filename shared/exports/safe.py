"""Cells as text, and text that nothing takes for more than text. Pure.

Names and messages come from strangers, and end in files that others open.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from html import escape

from shared.exports.kinds import Value

_UNCLEAN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What neither XML nor a page can show, and halves of characters."""
_BREAKS = re.compile(r"[\t\r\n\x0b\x0c\x85\u2028\u2029]+")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~>])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", ":": "&#58;", "|": "&#124;"}


def instant(at: datetime) -> str:
    """ISO 8601 in UTC: `2026-11-30T06:00:00Z`."""
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return f"{utc.isoformat(timespec='milliseconds' if utc.microsecond else 'seconds')[:-6]}Z"


def number(value: int | float | Decimal) -> str:
    """Without an exponent, and without zeros that say nothing."""
    if isinstance(value, int):
        return str(value)
    text = f"{Decimal(repr(value)) if isinstance(value, float) else value:f}"
    return text.rstrip("0").rstrip(".") or "0" if "." in text else text


def text(value: Value) -> str:
    """A cell as text; nothing is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return instant(value)
    return clean(value) if isinstance(value, str) else number(value)


def clean(value: str) -> str:
    """Without halves of characters, and without controls other than tabs and line breaks."""
    return _UNCLEAN.sub("\ufffd", value)


def line(value: Value) -> str:
    """A cell as one line."""
    return _BREAKS.sub(" ", text(value)).strip()


def markdown(value: Value) -> str:
    """A cell of a table in GitHub's Markdown: one line in which nothing is mark-up, a link, a
    mention or HTML."""
    shown = line(value)
    if not isinstance(value, str):
        return shown
    parts = (_ENTITIES.get(one, one) for one in shown)
    return "".join(one if len(one) > 1 else _MARKDOWN.sub(r"\\\1", one) for one in parts)


def html(value: Value) -> str:
    """Within an element or a quoted attribute."""
    return escape(text(value))
