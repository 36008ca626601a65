"""What a wrong name was perhaps meant to be."""

import difflib
from collections.abc import Iterable

FEW = 12


def instead(name: str, known: Iterable[str]) -> str:
    """`; did you mean x?`, or what there is if that is little, or nothing."""
    names = sorted(known)
    for near in names:
        if near.lower() == name.lower():
            return f"; did you mean {near}?"
    if near_names := difflib.get_close_matches(name, names, n=1):
        return f"; did you mean {near_names[0]}?"
    return f"; there are {', '.join(names)}" if 0 < len(names) <= FEW else ""
