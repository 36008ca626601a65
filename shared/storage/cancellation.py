"""Calls to storage that end when their job is told to stop: no attempt begins after that.

An attempt that has already begun ends by its timeouts (`failures.TIMEOUTS`). So if storage accepts
requests but never answers, the caller waits about 20 s more, and not for four attempts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

T = TypeVar("T")

HASTE: dict[str, Any] = {"retry_total": 0, "connection_timeout": 2, "read_timeout": 5}
"""Options of a call that a job may still make after it was told to stop: one attempt, with short
timeouts."""


def cancellable(client: T, check: Callable[[], None]) -> T:
    """A client of a blob or a container, whose calls end with what `check` raises."""
    return cast("T", _Cancellable(client, check))


class _Cancellable:
    """The hooks are azure-storage-blob's own: before a request's first attempt, and before each
    further one. A download that breaks off within its body is a new request."""

    def __init__(self, client: Any, check: Callable[[], None]) -> None:
        def look(*_: Any, **__: Any) -> None:
            check()

        self._client = client
        self._hooks = {"raw_request_hook": look, "retry_hook": look}

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        return partial(found, **self._hooks) if callable(found) else found


def transport(inner: Any, check: Callable[[], None]) -> Any:
    """The transport `inner`, changed so that each use of it ends with what `check` raises. It is
    for clients of tables, which have no such hooks."""
    from azure.core.pipeline.transport import HttpTransport

    class Cancelling(HttpTransport[Any, Any]):
        def open(self) -> None:
            inner.open()

        def close(self) -> None:
            inner.close()

        def __enter__(self) -> Cancelling:
            inner.__enter__()
            return self

        def __exit__(self, *error: Any) -> None:
            inner.__exit__(*error)

        def send(self, request: Any, **options: Any) -> Any:
            check()
            return inner.send(request, **options)

        def sleep(self, duration: float) -> None:
            check()
            inner.sleep(duration)

    return Cancelling()
