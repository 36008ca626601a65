"""Which log lines reach Azure: those of every thread, while an invocation runs.

The host keeps a line only if it comes with the id of an invocation that runs (`GrpcWorkerChannel`),
and the worker knows the id in the thread of the function alone, from a thread local
(https://github.com/Azure/azure-functions-python-worker/issues/1358). Jobs and requests are served
by other threads. So a function that hands work to them says `with following(context)`: what it
hands over runs in a copy of its context, and each line is stamped in the thread that writes it.

Some work outlives its invocation, such as a job that another message's batch took over, and some
threads belong to none. Their lines go with the invocation that has run longest, which is likely to
go on, and hardly a person's request; the line itself says which job it is about. While none runs,
they have no id.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import azure.functions as func

_followed: ContextVar[func.Context | None] = ContextVar("invocation", default=None)
_make = logging.getLogRecordFactory()
_lock = threading.Lock()
_running: tuple[func.Context, ...] = ()
"""The invocations whose blocks are not over, in the order in which they began. It is replaced as a
whole, so reading it needs no lock."""


class _Stamped(threading.local):
    """What was stamped in a thread: it may say something else only where nobody else did."""

    storage: Any = None
    id: str | None = None


_mine = _Stamped()


@contextmanager
def following(context: func.Context) -> Iterator[None]:
    """What is logged in this block, in whatever thread, belongs to the invocation."""
    global _running
    logging.setLogRecordFactory(_stamped)
    before = _followed.set(context)
    with _lock:
        _running = (*_running, context)
    try:
        yield
    finally:
        with _lock:
            _running = tuple(one for one in _running if one is not context)
        _followed.reset(before)


def _stamped(*args: Any, **kwargs: Any) -> logging.LogRecord:
    """A record of the log; the worker's handler, which runs in this thread, finds the id."""
    running, context = _running, _followed.get()
    if context in running:
        _stamp(context)
    elif running:
        _stamp(running[0], only_mine=True)
    elif _mine.storage is not None and _mine.storage.invocation_id == _mine.id:
        _mine.storage.invocation_id = _mine.id = None
    return _make(*args, **kwargs)


def _stamp(context: func.Context | None, *, only_mine: bool = False) -> None:
    """Write the id where the worker looks for it. `only_mine`: not over one that the worker wrote,
    which knows what runs in a thread of its own."""
    # the stubs give the class of the storage, the worker its object
    storage: Any = getattr(context, "thread_local_storage", None)
    if context is None or storage is None:
        return
    if only_mine and getattr(storage, "invocation_id", None) not in (None, _mine.id):
        return
    storage.invocation_id = _mine.id = context.invocation_id
    _mine.storage = storage
