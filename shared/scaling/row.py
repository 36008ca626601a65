"""The state as it is stored: one row, the fact `scaling`.

It is written under its ETag, so of two runs at once the second decides on what the first one left.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

from shared.errors import Unavailable
from shared.scaling.state import State
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.facts import Fact, Meta

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_ROW = "scaling"


class StateRow:
    """The row. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, meta: Meta) -> None:
        self._meta = meta

    def read(self) -> State | None:
        """The state; None if there is none yet, or if it cannot be read, as after a downgrade."""
        return _state(self._meta.fact(_ROW))

    def update(self, step: Callable[[State | None], State]) -> State:
        """Store what `step` makes of the state as it is stored by then; what is stored now. It may
        be called several times."""

        def attempt() -> State | None:
            row = self._meta.fact(_ROW)
            made = step(_state(row))
            text = _adapter().dump_json(made).decode()
            return made if self._meta.swap(_ROW, row, text) else None

        return compare_and_set(_ROW, attempt, error=partial(Unavailable, "table storage"))


def _state(row: Fact | None) -> State | None:
    try:
        return None if row is None else _adapter().validate_json(row.value)
    except ValueError:
        return None


@cache
def _adapter() -> TypeAdapter[State]:
    from pydantic import TypeAdapter

    return TypeAdapter(State)
