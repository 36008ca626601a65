"""Returns the memory that a backup used to the system, under glibc's malloc.

By default glibc takes all but the first large buffers from its arenas, up to eight per core. It
keeps up to 64 MB of free memory at the end of each arena, and `malloc_trim` leaves that alone
(mallopt(3)). Backups run in many short-lived threads, so a process that took backups of all kinds
kept hundreds of MB that it did not use. With another malloc nothing is done.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
"""Constants of malloc.h."""
_LARGE = 32 * 1024 * 1024
"""A buffer of at least this many bytes gets pages of its own. The blocks of a stream are smaller
and reuse each other's memory: new pages for each would cost a tenth more processor time."""
_FREE = 8 * 1024 * 1024
"""Free bytes that an arena may keep at its end."""
_ARENAS = 2
"""Few are enough: Python's threads take turns, and what they allocate at the same time is mostly
large buffers."""


@contextmanager
def given_back() -> Iterator[None]:
    """When the block ends, however it does, give unused memory back to the system."""
    trim = _trimmer()
    try:
        yield
    finally:
        trim(0)


@cache
def _trimmer() -> Callable[[int], object]:
    """glibc's `malloc_trim`, after setting its options; with another malloc, a no-op."""
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
