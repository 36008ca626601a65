"""How many parts (segments) a text message has; each part is paid for.

A text whose characters are all in the GSM 7-bit alphabet has 160 units in one part, or 153 in each
of several: seven go to the header that joins them. Characters of the extension table take two
units, since an escape is before them. Any other character turns the whole text to UCS-2, which has
70 units in one part, or 67 in each of several; an emoji takes two. Neither an escape and its
character, nor the two halves of an emoji, are divided between parts.

3GPP TS 23.038, 6.2.1 and 6.2.1.1; https://www.twilio.com/docs/glossary/what-sms-character-limit
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from shared.text import units

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ"  # 0x1B, between Ξ and Æ, is the escape
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
"""The GSM 7-bit default alphabet."""
EXTENSION = frozenset("\f^{}\\[~]|€")
"""Its extension table."""
TYPOGRAPHY = {
    "\N{NO-BREAK SPACE}": " ",
    "\N{NARROW NO-BREAK SPACE}": " ",
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{SINGLE LOW-9 QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{DOUBLE LOW-9 QUOTATION MARK}": '"',
    "\N{HYPHEN}": "-",
    "\N{NON-BREAKING HYPHEN}": "-",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{BULLET}": "-",
    "`": "'",
}
"""Characters that turn a text to UCS-2, and what says the same in the GSM alphabet."""

_TYPOGRAPHY = str.maketrans(TYPOGRAPHY)


class Encoding(StrEnum):
    """How a text message is sent."""

    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


_ROOM = {Encoding.GSM_7: (160, 153), Encoding.UCS_2: (70, 67)}
"""Units in a single part, and in each of several."""


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a text message."""

    encoding: Encoding
    units: int
    """Septets in GSM-7, else units of UTF-16."""
    segments: int
    """0 for an empty text, which no provider sends."""


def size(text: str) -> Size:
    """The size of `text`, as a provider that does not change its characters sends it."""
    gsm = BASIC.issuperset(text) or (BASIC | EXTENSION).issuperset(text)
    encoding = Encoding.GSM_7 if gsm else Encoding.UCS_2
    widths = [1 + (one in EXTENSION) if gsm else units(one) for one in text]
    single, joined = _ROOM[encoding]
    total = sum(widths)
    parts = min(total, 1) if total <= single else _parts(widths, joined)
    return Size(encoding, total, parts)


def plain(text: str) -> str:
    """`text` with quotes, dashes and spaces of the GSM alphabet, if that is all it needs to be sent
    by it; else `text` as it is."""
    changed = text.translate(_TYPOGRAPHY)
    return changed if size(changed).encoding is Encoding.GSM_7 else text


def _parts(widths: Iterable[int], room: int) -> int:
    """How many parts of that room characters of these widths fill."""
    parts, used = 1, 0
    for width in widths:
        if used + width > room:
            parts, used = parts + 1, 0
        used += width
    return parts
