"""The rows within a sync's overlap that were copied, so that they are not copied again. Pure."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from shared.errors import Refused

MOST_SEEN = 500_000
"""The most rows within the overlap."""
_HASH = 16
_HASHED = struct.Struct(f"<d{_HASH}s")
_ROUNDED = 4e-15
"""By how much a number of SQL may differ from the float that it becomes, as a part of it."""


class Seen:
    """These rows, each as its watermark and a hash. What is read again and is one of them is not
    new."""

    def __init__(self, before: bytes, own: bytes, overlap: float, where: str) -> None:
        """`before`: what the run before knew. `own`: what attempts before this one knew."""
        self._overlap = overlap
        self._where = where
        self._known = {found for _, found in _HASHED.iter_unpack(before)}
        self._recent: deque[tuple[float, bytes]] = deque(_HASHED.iter_unpack(own))
        self._before = before

    def is_new(self, number: float, values: Sequence[Any]) -> bool:
        """Whether the run before did not copy that row. They come in the order of `number`."""
        found = sha256(repr(tuple(values)).encode()).digest()[:_HASH]
        self._recent.append((number, found))
        floor = number - self._overlap - abs(number) * _ROUNDED
        while self._recent[0][0] < floor:
            self._recent.popleft()
        if len(self._recent) > MOST_SEEN:
            text = f"overlap: more than {MOST_SEEN} rows have a watermark within it; shorten it"
            raise Refused(self._where, text)
        return found not in self._known

    def packed(self) -> bytes:
        """What the next run must know."""
        if not self._recent:
            return self._before
        return b"".join(_HASHED.pack(*one) for one in self._recent)
