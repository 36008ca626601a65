"""Belfry's own heartbeat: while it ticks and all is well, it says so to an outside service; when it
knows that something is wrong, it says that. If all of it is dead it says nothing, and whoever is
outside notices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from shared import tracing
from shared.heartbeats.sender import Sender
from shared.heartbeats.signal import Kind, Signal
from shared.schedules.model import Schedule
from shared.settings import Secret
from shared.storage.tables.facts import Meta

_FACT = "heartbeat"
_EARLY = timedelta(seconds=5)
"""Ticks are not exactly a minute apart."""
_PATIENCE = timedelta(seconds=3)
"""How long a tick waits for its signal to be sent."""
RECONCILER = "schedule_reconciler"
_UNRECONCILED = timedelta(hours=3)
"""The ledger is reconciled each hour."""


class OwnHeartbeat:
    """The heartbeat, bound to where it goes. `url` empty: there is none. `reconciler` reads the
    schedule of the task that reconciles the ledger."""

    def __init__(
        self,
        *,
        url: Secret,
        every: timedelta,
        sender: Sender,
        meta: Meta,
        reconciler: Callable[[], Schedule | None],
    ) -> None:
        self._url = url
        self._every = every
        self._sender = sender
        self._meta = meta
        self._reconciler = reconciler

    def beat(self, now: datetime, problems: Iterable[str]) -> bool:
        """Send the signal of this minute, unless another instance has; whether it was sent. Raises
        `Unavailable` or `Refused` if storage fails."""
        if not self._url or not self._is_time(now):
            return False
        wrong = [*problems, *ledger_problems(self._reconciler(), now)]
        kind = Kind.FAIL if wrong else Kind.SUCCESS
        text, trace = "\n".join(wrong), tracing.carried()
        self._sender.send(Signal(url=self._url, kind=kind, text=text, trace=trace))
        self._sender.flush(_PATIENCE)
        return True

    def _is_time(self, now: datetime) -> bool:
        before = self._meta.fact(_FACT)
        last = _instant(before.value) if before is not None else None
        if last is not None and timedelta() <= now - last < self._every - _EARLY:
            return False
        return self._meta.swap(_FACT, before, now.isoformat())

    def failed(self, error: BaseException) -> None:
        """Say that a tick failed."""
        if self._url:
            text = f"a tick failed: {type(error).__name__}"
            trace = tracing.carried()
            self._sender.send(Signal(url=self._url, kind=Kind.FAIL, text=text, trace=trace))
            self._sender.flush(_PATIENCE)


def ledger_problems(reconciler: Schedule | None, now: datetime) -> list[str]:
    """What the last run of the reconciler says against the ledger. Nothing, if a person turned the
    reconciler off."""
    if reconciler is None or not reconciler.definition.enabled:
        return []
    if reconciler.progress.failures_in_row:
        return [f"{RECONCILER} failed: {reconciler.progress.last_error}"]
    since = reconciler.progress.last_run_at or reconciler.created_at
    if now - since > _UNRECONCILED:
        return [f"{RECONCILER} has not run since {since.isoformat()}"]
    return []


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
