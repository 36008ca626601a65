"""Chance that is the same each time: by a place, such as (seed, day, tenant)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def number(below: int, *place: object) -> int:
    digest = hashlib.sha256(repr(place).encode()).digest()
    return int.from_bytes(digest[:8]) % below


def pick(items: Sequence[T], *place: object) -> T:
    return items[number(len(items), *place)]
