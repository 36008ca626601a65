"""New entries into the chunks of the index: (directory, entries) -> the chunks to write anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from shared.jobs.chunk import ordered
from shared.jobs.directory import Directory
from shared.jobs.entry import Entry

MOST = 10_000
"""The most jobs of a chunk."""


def placed(directory: Directory, entries: Iterable[Entry]) -> Mapping[int, list[Entry]]:
    """The entries, by the number of the section that each belongs into."""
    found: dict[int, list[Entry]] = {}
    for entry in entries:
        found.setdefault(directory.place(entry.key), []).append(entry)
    return found


def new(there: Iterable[Entry], more: Iterable[Entry]) -> list[Entry]:
    """Of the entries that come to a section, those that are not in it yet, each once."""
    known = {entry.id for entry in there}
    return [entry for entry in ordered([*more]) if entry.id not in known]


def merged(there: Iterable[Entry], more: Iterable[Entry], *, newest: bool) -> list[list[Entry]]:
    """The entries of one section and those that come to it, as chunks of at most `MOST`.

    A job that is in both is there once. Of the newest section, chunks are filled to the brim, since
    what follows goes into the last of them. One before it, into which late jobs come, is cut into
    equal parts, so that the next late ones find room.
    """
    entries = ordered([*there, *more])
    if len(entries) <= MOST:
        return [entries] if entries else []
    if newest:
        return cut(entries, MOST)
    parts = -(-len(entries) // MOST)
    return cut(entries, -(-len(entries) // parts))


def cut(entries: Sequence[Entry], most: int) -> list[list[Entry]]:
    """The entries in parts of at most `most`."""
    return [list(entries[start : start + most]) for start in range(0, len(entries), most)]
