"""A CSV file as items. Pure, as a stream: pieces of bytes -> one item after another.

The first row has the names. What separates values is a comma, a semicolon or a tab, by that row.
The text is UTF-8, or UTF-16 if it begins with that mark. A row that cannot be read is an item that
says why (`BAD`), so every other row keeps its number, and a bad one is seen among the outcomes.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from shared.batch.model import BAD, MOST_ITEMS, Item
from shared.batch.template import NAME
from shared.errors import Invalid
from shared.text import is_clean

FILE = "file"
"""The parameter that errors name."""
_LINE = 100_000
"""The most characters of a line."""
_ROW = 20_000
"""The most characters of a row's values in all."""
_COLUMNS = 100
_SEPARATORS = ",;\t"
_NOTHING = "the file is empty; its first row has the names of the values"


def items(pieces: Iterable[bytes]) -> Iterator[Item]:
    """The items. Raises `Invalid` if the first row has no proper names, or there are too many."""
    lines = _Lines(_decoded(pieces))
    head = next((line for line in lines if line.strip()), None)
    if head is None:
        raise Invalid(FILE, _NOTHING)
    separator = max(_SEPARATORS, key=head.count)
    reader = csv.reader(chain([head], lines), delimiter=separator, strict=True)
    names = _names(reader)
    number = 0
    while (row := _next(reader)) is not None:
        if isinstance(row, list) and not row:
            continue  # an empty line
        number += 1
        if number > MOST_ITEMS:
            raise Invalid(FILE, f"it has more than {MOST_ITEMS:,} rows")
        yield _item(names, row, lines, number)


def _next(reader: Iterator[list[str]]) -> list[str] | str | None:
    """The next row, or what is wrong with it; None at the end."""
    try:
        return next(reader, None)
    except csv.Error as error:
        return str(error)


def _names(reader: Iterator[list[str]]) -> Sequence[str]:
    row = _next(reader)
    if not isinstance(row, list):
        raise Invalid(FILE, f"its first row cannot be read: {row}")
    names = [name.strip() for name in row]
    for name in names:
        if not NAME.fullmatch(name) or not is_clean(name):
            raise Invalid(FILE, f"its first row has the names of the values; {name!r:.120} is none")
    if len(set(names)) < len(names) or len(names) > _COLUMNS:
        raise Invalid(FILE, f"its first row has different names, {_COLUMNS} at most")
    return names


def _item(names: Sequence[str], row: list[str] | str, lines: _Lines, number: int) -> Item:
    where = f"row {number}"
    if lines.cut():
        return {BAD: f"{where} has a line of more than {_LINE:,} characters"}
    if isinstance(row, str):
        return {BAD: f"{where} cannot be read: {row}"}
    if len(row) != len(names):
        return {BAD: f"{where} has {len(row)} values, and the first row {len(names)} names"}
    if sum(map(len, row)) > _ROW:
        return {BAD: f"{where} has more than {_ROW:,} characters"}
    if not all(map(is_clean, row)):
        return {BAD: f"{where} holds what is not UTF-8, or a null character"}
    return dict(zip(names, row, strict=True))


def _decoded(pieces: Iterable[bytes]) -> Iterator[str]:
    """The text. Bytes that are not UTF-8 become halves of surrogate pairs, which no row holds."""
    left = iter(pieces)
    first = b""
    while len(first) < 3 and (piece := next(left, None)) is not None:
        first += piece
    wide = first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    name, errors = ("utf-16", "replace") if wide else ("utf-8-sig", "surrogateescape")
    decoder = codecs.getincrementaldecoder(name)(errors)
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    for piece in chain([first], left):
        yield newlines.decode(decoder.decode(piece))
    yield newlines.decode(decoder.decode(b"", final=True), final=True)


class _Lines:
    """The lines of a text, with their ends. The rest of one that is too long is dropped."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._lines = self._split(pieces)
        self._cut = False

    def __iter__(self) -> Iterator[str]:
        return self._lines

    def cut(self) -> bool:
        """Whether a line was cut since the last call."""
        was, self._cut = self._cut, False
        return was

    def _split(self, pieces: Iterator[str]) -> Iterator[str]:
        held = ""
        dropping = False
        for piece in pieces:
            *whole, rest = piece.split("\n")
            for line in whole:
                if not dropping:
                    yield self._short(held + line) + "\n"
                held, dropping = "", False
            if not dropping:
                held += rest
                if len(held) > _LINE:
                    yield self._short(held) + "\n"
                    held, dropping = "", True
        if held:
            yield self._short(held)

    def _short(self, line: str) -> str:
        if len(line) <= _LINE:
            return line
        self._cut = True
        return "?"
