"""Which prefixes of Belfry's tables a restore may go to."""

from __future__ import annotations

import re

_PREFIX = re.compile("[a-z][a-z0-9]{0,19}")


def target_problem(name: str) -> str | None:
    """Why a restore cannot go to tables with that prefix (`Engine`)."""
    if _PREFIX.fullmatch(name):
        return None
    return (
        "give a prefix, as BELFRY_PREFIX is: at most 20 lower-case letters and digits, "
        "a letter first"
    )
