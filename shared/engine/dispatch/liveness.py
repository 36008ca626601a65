"""Whether the clocks tick. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

from shared.engine.dispatch.facts import FUTURE

_SILENT = timedelta(minutes=3)


class Liveness(StrEnum):
    """How the clocks are, taken together."""

    UP = "up"
    STARTING = "starting"
    """None has ticked yet."""
    LATE = "late"
    """None has ticked for over three minutes."""


def liveness(ticks: Collection[datetime], now: datetime) -> Liveness:
    """How they are, by when each of them last ticked."""
    # a tick in the future came from a clock that was wrong: it says nothing of now
    last = max((at for at in ticks if at - now <= FUTURE), default=None)
    if last is not None and now - last <= _SILENT:
        return Liveness.UP
    return Liveness.LATE if ticks else Liveness.STARTING
