"""Fingerprints of lines, which stay the same when lines move. Pure.

A line's is that of GitHub's upload of SARIF, so what GitHub was told before keeps its state there:
a hash of the 100 characters from the line's start on, without spaces and tabs, and with each line
end as one line feed; then `:` and how many lines of the file had that hash so far.
https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections import Counter
from collections.abc import Collection, Sequence

_WINDOW = 100
_BASE = 37
_BITS = (1 << 64) - 1
_END = 0xFFFF
_BLANKS = re.compile(r"[ \t]+")


def of_lines(text: str, wanted: Collection[int]) -> dict[int, str]:
    """The fingerprints of these lines of a file (from 1 on), by line; lines that it does not have
    are left out."""
    plain = _BLANKS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    units = array("H", plain.encode("utf-16-le", "surrogatepass"))
    units.append(_END)
    seen: Counter[bytes] = Counter()
    found: dict[int, str] = {}
    start, last = 0, max(wanted, default=0)
    for line in range(1, last + 1):
        if start >= len(units):
            break
        window = units[start : start + _WINDOW]
        seen[window.tobytes()] += 1
        if line in wanted:
            found[line] = f"{_hash(window):x}:{seen[window.tobytes()]}"
        start = _after_line(units, start)
    return found


def of_words(*words: str) -> str:
    """The fingerprint of what no line tells from others, such as a vulnerable package."""
    return f"{hashlib.sha256(chr(0).join(words).encode()).hexdigest()[:16]}:1"


def _after_line(units: array[int], start: int) -> int:
    try:
        return units.index(10, start) + 1
    except ValueError:
        return len(units)


def _hash(window: Sequence[int]) -> int:
    made = 0
    for unit in window:
        made = (made * _BASE + unit) & _BITS
    for _ in range(_WINDOW - len(window)):
        made = (made * _BASE) & _BITS
    return made
