"""What the app calls. Whether spans are made at all is decided once in a process (`use`), as it is
for log lines.

The span that is under way is known by its `traceparent` alone. It follows a call into the threads
of `shared.threads`, into coroutines and into the web framework's threads, and from process to
process as text (`carried`, `continued`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit

from shared.errors import BelfryError
from shared.log import short
from shared.tracing import parent

Value: TypeAlias = str | bool | int | float
_SAID = 1_000
"""The longest text of an error in a span."""


class Kind(StrEnum):
    """What a span is, in OpenTelemetry's words. Application Insights shows a `SERVER` and a
    `CONSUMER` as requests, which fail or succeed, and the others as what these needed."""

    INTERNAL = "internal"
    SERVER = "server"
    """An answer to somebody's request, or to a clock."""
    CLIENT = "client"
    """A request to an outside service."""
    CONSUMER = "consumer"
    """Work that a message asked for."""


class Span(Protocol):
    """A span that has begun."""

    @property
    def traceparent(self) -> str | None:
        """By which it is continued elsewhere; None if tracing is off."""

    def set(self, attributes: Mapping[str, Value | None]) -> None:
        """Add attributes; those that are None are left out."""

    def rename(self, name: str) -> None:
        """Give it another name."""

    def fail(self, kind: str, said: str = "") -> None:
        """Mark it as failed. `kind`: a class of error; `said`: its message, without secrets."""

    def end(self) -> None:
        """End it. What follows is ignored."""


class Tracer(Protocol):
    """What makes spans (`sdk`)."""

    def begin(
        self,
        name: str,
        kind: Kind,
        parent: parent.Parent | None,
        attributes: Mapping[str, Value | None],
    ) -> Span:
        """Begin a span, of a new trace if it has no parent."""


class _Nothing:
    """The span of a process in which tracing is off."""

    traceparent = None

    def set(self, attributes: Mapping[str, Value | None]) -> None:
        """Do nothing, like the rest."""

    def rename(self, name: str) -> None:
        pass

    def fail(self, kind: str, said: str = "") -> None:
        pass

    def end(self) -> None:
        pass


NOTHING: Span = _Nothing()
_tracer: Tracer | None = None
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def use(tracer: Tracer | None) -> None:
    """Make spans with `tracer` from now on; None: make none."""
    global _tracer
    _tracer = tracer


def is_on() -> bool:
    """Whether spans are made."""
    return _tracer is not None


def carried() -> str | None:
    """The `traceparent` of the span that is under way, to be sent along; None if there is none."""
    return _current.get() if _tracer is not None else None


@contextmanager
def continued(traceparent: str | None) -> Iterator[None]:
    """Spans of the block are parts of that span; of None, or of what is no `traceparent`, they
    begin traces."""
    before = _current.set(traceparent)
    try:
        yield
    finally:
        _current.reset(before)


def begin(name: str, kind: Kind = Kind.INTERNAL, **attributes: Value | None) -> Span:
    """Begin a span, which the caller ends. It is not under way by that: see `continued`."""
    if _tracer is None:
        return NOTHING
    return _tracer.begin(name, kind, parent.read(_current.get()), attributes)


@contextmanager
def span(name: str, kind: Kind = Kind.INTERNAL, **attributes: Value | None) -> Iterator[Span]:
    """A span for the block. It fails with what the block raises."""
    if _tracer is None:
        yield NOTHING
        return
    begun = begin(name, kind, **attributes)
    try:
        with continued(begun.traceparent):
            yield begun
    except BaseException as error:
        said = short(str(error), _SAID) if isinstance(error, BelfryError) else ""
        begun.fail(type(error).__name__, said)
        raise
    finally:
        begun.end()


class Call:
    """A request to an outside service."""

    def __init__(self, begun: Span) -> None:
        self._span = begun
        self._answered = False

    def answered(self, status: int) -> None:
        """Say which HTTP status the answer has; from 400 on, the call failed."""
        self._answered = True
        self._span.set({"http.response.status_code": status})
        if status >= 400:
            self._span.fail(f"HTTP {status}")

    def broke(self, error: BaseException) -> None:
        """Say that there was no answer, unless there was one."""
        if not self._answered:
            self._span.fail(type(error).__name__)


@contextmanager
def call(method: str, url: str) -> Iterator[Call]:
    """A span for one HTTP request to an outside service.

    Of the URL only the host and the port are kept: a path or a query may be a secret (a bot's
    token, a webhook, an upload), and so may what a library's error says of it. The service itself
    is not told of the trace.
    """
    if _tracer is None:
        yield Call(NOTHING)
        return
    place = _place(url)
    begun = begin(f"{method} {place['server.address']}", Kind.CLIENT)
    begun.set({"http.request.method": method, **place})
    made = Call(begun)
    try:
        yield made
    except BaseException as error:
        made.broke(error)
        raise
    finally:
        begun.end()


def _place(url: str) -> dict[str, Value | None]:
    """Where a request goes, by OpenTelemetry's names; of what is no URL, an empty host."""
    try:
        parts = urlsplit(url)
        scheme = parts.scheme if parts.scheme in _PORTS else None
        port = parts.port or _PORTS.get(parts.scheme)
        found = parts.hostname or ""
    except ValueError:
        return {"server.address": ""}
    return {"server.address": found, "server.port": port, "url.scheme": scheme}


_PORTS = {"https": 443, "http": 80}
