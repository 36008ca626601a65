"""Which log lines reach Azure: those of every thread that works for an invocation.

The host keeps a line only if it comes with the id of an invocation that runs (`GrpcWorkerChannel`),
and the worker knows the id in the thread of the function alone, from a thread local
(https://github.com/Azure/azure-functions-python-worker/issues/1358). Jobs and requests are served
by other threads. So a function that hands work to them says `with following(context)`: what it
hands over runs in a copy of its context, and each line is stamped in the thread that writes it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import azure.functions as func

_followed: ContextVar[func.Context | None] = ContextVar("invocation", default=None)
_make = logging.getLogRecordFactory()


@contextmanager
def following(context: func.Context) -> Iterator[None]:
    """What is logged in this block, in whatever thread, belongs to the invocation."""
    logging.setLogRecordFactory(_stamped)
    before = _followed.set(context)
    try:
        yield
    finally:
        _followed.reset(before)


def _stamped(*args: Any, **kwargs: Any) -> logging.LogRecord:
    """A record of the log; the worker's handler, which runs in this thread, finds the id."""
    context = _followed.get()
    # the stubs give the class of the storage, the worker its object
    storage: Any = getattr(context, "thread_local_storage", None)
    if context is not None and storage is not None:
        storage.invocation_id = context.invocation_id
    return _make(*args, **kwargs)
