"""What a backup took of memory goes back to the system, under glibc's malloc.

By itself glibc takes all but the first large buffers out of its arenas, of which there are eight
for each core; of what is free at an arena's end it keeps up to 64 MB, and `malloc_trim` leaves
that alone (mallopt(3)). Backups run in many short-lived threads, so a process that took some of
all kinds kept hundreds of MB that it did not use. Elsewhere nothing is done.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
"""Of malloc.h."""
_LARGE = 32 * 1024 * 1024
"""Bytes from which on a buffer has pages of its own. The blocks of a stream are smaller, and take
one another's place: new pages for each cost a tenth more of processor time."""
_FREE = 8 * 1024 * 1024
"""Bytes that an arena may keep at its end."""
_ARENAS = 2
"""Python's threads take turns; what they allocate beside one another are mostly large buffers."""


@contextmanager
def given_back() -> Iterator[None]:
    """However the block ends, the process keeps no memory that it does not use."""
    trim = _trimmer()
    try:
        yield
    finally:
        trim(0)


@cache
def _trimmer() -> Callable[[int], object]:
    """glibc's `malloc_trim`, once it is told how to work; elsewhere nothing."""
    libc = ctypes.CDLL(None)
    try:
        tell, trim = libc.mallopt, libc.malloc_trim
    except AttributeError:  # musl, or another system
        return lambda _: None
    tell(_M_MMAP_THRESHOLD, _LARGE)
    tell(_M_TRIM_THRESHOLD, _FREE)
    tell(_M_ARENA_MAX, _ARENAS)
    trim.argtypes = [ctypes.c_size_t]
    return trim
