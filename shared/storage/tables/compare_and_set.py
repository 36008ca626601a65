"""Changing a row that others may also change: read it, decide, write it if nobody was faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shared.errors import BelfryError, Conflict

T = TypeVar("T")

TRIES = 20


def compare_and_set(
    what: str,
    attempt: Callable[[], T | None],
    *,
    tries: int = TRIES,
    error: Callable[[str], BelfryError] = Conflict,
) -> T:
    """Call `attempt` until it succeeds, and return its result. It reads a row, changes it and
    writes it under its ETag, and returns None if somebody was faster. Raises `error`, by default
    `Conflict`, after `tries` attempts. `what` names the row in that error."""
    for _ in range(tries):
        if (made := attempt()) is not None:
            return made
    raise error(f"{what} is being changed by others at the same time; try again")
