"""Whether a new backup looks as if something had been lost before it was taken.

The backup is whole and proved; the question is what it holds. A person is asked, and until they
answer, retention removes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from statistics import median

from shared.backups.model import Manifest

_SMALLEST = 1 << 20
"""Bytes. The size of smaller backups varies with every few rows."""
_FEWEST = 100
"""Rows, for the same reason; an emptied table is reported in any case."""
_SHOWN = 5
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def suspicions(new: Manifest, before: Sequence[Manifest]) -> tuple[str, ...]:
    """What a person should look at, in words for a mail; empty if nothing.

    `before`: earlier backups of the same row, newest first, as the measure of what is usual; each
    is verified and not suspicious (or accepted).
    """
    if not before:
        return tuple(_nothing(new))
    return (*_smaller(new, before), *_fewer(new, before), *_emptied(new, before))


def _nothing(new: Manifest) -> Iterator[str]:
    """The check of a row's first backup: if it is empty, the wrong database may be configured."""
    if not new.tables:
        yield "it holds nothing: there is no table"
    elif not any(new.tables.values()):
        yield f"it holds nothing: no row in {len(new.tables)} table(s)"


def _smaller(new: Manifest, before: Sequence[Manifest]) -> Iterator[str]:
    usual = median(one.uncompressed_bytes for one in before)
    if usual >= _SMALLEST and new.uncompressed_bytes * 2 < usual:
        yield (
            f"{_size(new.uncompressed_bytes)}, less than half of the {_size(usual)} "
            f"of {_those(before)}"
        )


def _fewer(new: Manifest, before: Sequence[Manifest]) -> Iterator[str]:
    rows = sum(new.tables.values())
    usual = median(sum(one.tables.values()) for one in before)
    if usual >= _FEWEST and rows * 2 < usual:
        yield f"{_rows(rows)} in all, less than half of the {_rows(int(usual))} of {_those(before)}"


def _emptied(new: Manifest, before: Sequence[Manifest]) -> Iterator[str]:
    """Tables that were emptied or are gone, the largest first. A table that was already empty in an
    earlier backup, such as a queue, is fine; so is a missing one if a table whose name differs only
    in numbers is there, as with last week's partition."""
    last = before[0]
    there = {_numberless(name) for name in new.tables}
    lost = [
        name
        for name in last.tables
        if all(one.tables.get(name, 1) for one in before)
        and not new.tables.get(name)
        and (name in new.tables or _numberless(name) not in there)
    ]
    lost.sort(key=lambda name: (-last.tables[name], name))
    for name in lost[:_SHOWN]:
        now = "has none" if name in new.tables else "is gone"
        yield f"table {name} had {_rows(last.tables[name])} and {now}"
    more = len(lost) - _SHOWN
    if more > 0:
        yield f"{more} more {'table' if more == 1 else 'tables'} had rows and are empty or gone"


def _numberless(name: str) -> str:
    return re.sub(r"\d+", "0", name)


def _those(before: Sequence[Manifest]) -> str:
    return "the one before" if len(before) == 1 else "the ones before"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _size(count: float) -> str:
    """A size in powers of 1000, as the portal and `ls --si` show it."""
    power = 0
    while round(count, 1) >= 1000 and power < len(_UNITS) - 1:
        count, power = count / 1000, power + 1
    return f"{count:.1f} {_UNITS[power]}" if power else f"{count:.0f} {_UNITS[power]}"
