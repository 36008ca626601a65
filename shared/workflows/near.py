"""The nearest known name, for messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from shared.text import those

_SHOWN = 20


def nearest(name: str, known: Iterable[str]) -> str:
    """ "did you mean a?"; if nothing is near, what there is."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]}?"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return those(names[:_SHOWN]) + more
