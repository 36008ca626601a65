"""Which task's function runs in this thread, for what is to be booked to it, such as a message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_name: ContextVar[str] = ContextVar("task", default="")


def task() -> str:
    """The task's name; empty if none runs here."""
    return _name.get()


@contextmanager
def as_task(name: str) -> Iterator[None]:
    """What is done in the block is done for that task."""
    before = _name.set(name)
    try:
        yield
    finally:
        _name.reset(before)
