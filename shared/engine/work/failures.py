"""What a failure says of itself."""

from __future__ import annotations

from shared.errors import BelfryError
from shared.log import short

_LIMIT = 4_000
"""UTF-16 units, as a table counts."""


def describe(failure: BaseException) -> str:
    """A failure in one line, without secrets, short enough for a table."""
    name = type(failure).__name__
    try:
        said = str(failure)
    except BaseException as error:  # the task wrote its class
        said = f"its message cannot be made: {type(error).__name__}"
    text = said if isinstance(failure, BelfryError) else f"{name}: {said}"
    return short(text, _LIMIT)
