"""Changes of a row that others may change too: read it, decide, write it if nobody was faster."""

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
    """What `attempt` makes of a row, which it reads, changes and writes under its ETag. It returns
    None if somebody was faster, and is then made again; after so many tries, raises `error`."""
    for _ in range(tries):
        if (made := attempt()) is not None:
            return made
    raise error(f"{what} is being changed by others at the same time; try again")
