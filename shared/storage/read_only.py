"""A transport that sends only requests that change nothing: what a dry run may do to storage."""

from __future__ import annotations

from typing import Any

from shared.errors import Refused

_READS = frozenset(("GET", "HEAD"))


def read_only(inner: Any) -> Any:
    """The transport `inner`, changed so that a request that could change something raises
    `Refused`, unsent."""
    from azure.core.pipeline.transport import HttpTransport

    class ReadOnly(HttpTransport[Any, Any]):
        def open(self) -> None:
            inner.open()

        def close(self) -> None:
            inner.close()

        def __enter__(self) -> ReadOnly:
            inner.__enter__()
            return self

        def __exit__(self, *error: Any) -> None:
            inner.__exit__(*error)

        def send(self, request: Any, **options: Any) -> Any:
            if request.method not in _READS:
                where = str(request.url).partition("?")[0]
                text = f"a dry run changes nothing, so it may not {request.method} {where}"
                raise Refused("storage", text)
            return inner.send(request, **options)

        def sleep(self, duration: float) -> None:
            inner.sleep(duration)

    return ReadOnly()
