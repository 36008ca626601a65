"""What a person or a script sees: tables on a terminal, plain text elsewhere, or JSON.

Texts of the API may come from anybody: control characters, which could move the cursor or colour
the screen, are shown as `?`, and nothing is read as markup.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from unicodedata import category

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

Column = tuple[str, Callable[[Any], Any]]
"""A heading, and what a row has there."""

_STYLES = {
    **dict.fromkeys(("succeeded", "healthy"), "green"),
    **dict.fromkeys(("failed", "failing", "missed"), "red"),
    **dict.fromkeys(("running", "queued", "paused"), "yellow"),
}
_WHOLE = frozenset({"id", "job"})
"""What people copy: never broken into lines."""
_LEFT_OUT_FIRST = (
    "success", "count", "task", "last", "schedule", "version", "project", "lateness_seconds",
    "duration_seconds",
)  # fmt: skip
"""Columns that a narrow terminal goes without, in this order."""
_NARROW = 12
"""How far other columns are narrowed, in letters."""
_GAP = 2
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)")


def field(path: str) -> Callable[[Any], Any]:
    """Reads `a.b` of an object."""

    def read(row: Any) -> Any:
        for name in path.split("."):
            row = row.get(name) if isinstance(row, dict) else None
        return row

    return read


def columns(*named: str) -> Sequence[Column]:
    """Columns that are fields of the same name; `heading=a.b` names both."""
    pairs = [one.partition("=") for one in named]
    return [(head, field(path or head)) for head, _, path in pairs]


def clean(text: str, keep: str = "") -> str:
    """The text without control characters, except those of `keep`."""
    return "".join(
        "?" if category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") and one not in keep else one
        for one in text
    )


def cell(value: object) -> str:
    """A value as one cell shows it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case dict():
            return " ".join(clean(f"{key}={_inner(one)}") for key, one in value.items())
        case list() | tuple():
            return ", ".join(cell(one) for one in value)
    return clean(str(value))


def _inner(value: object) -> str:
    """A value within an object. What has objects of its own is JSON: `=` and commas would not say
    what belongs to what."""
    deep = isinstance(value, dict) or (
        isinstance(value, list | tuple) and any(isinstance(one, dict | list) for one in value)
    )
    return json.dumps(value, ensure_ascii=False) if deep else cell(value)


def fitting(
    headings: Sequence[str], cells: Sequence[Sequence[str]], width: int
) -> tuple[list[int], int]:
    """The numbers of the columns that a terminal of that many letters has room for, and how wide
    the table is at least: wider than the terminal if nothing more can be left out."""
    shown = list(range(len(headings)))
    least = [_least(heading, [line[at] for line in cells]) for at, heading in enumerate(headings)]
    for name in _LEFT_OUT_FIRST:
        if sum(least[at] + _GAP for at in shown) - _GAP <= width:
            break
        shown = [at for at in shown if headings[at] != name]
    return shown, sum(least[at] + _GAP for at in shown) - _GAP


def _least(heading: str, values: Sequence[str]) -> int:
    longest = max((len(word) for one in values for word in one.split(" ")), default=0)
    whole = heading in _WHOLE or any(_INSTANT.fullmatch(one) for one in values)
    words = max(map(len, heading.split("_")))
    return max(words, longest if whole else min(longest, _NARROW))


class Screen:
    """Where a command shows what it found. `json`: as JSON."""

    def __init__(self, *, json: bool = False) -> None:
        self.json = json
        self.terminal = sys.stdout.isatty() and not json
        self._console = Console(highlight=False, markup=False, emoji=False)
        self._errors = Console(stderr=True, highlight=False, markup=False, emoji=False)

    def document(self, value: object) -> None:
        """As the API said it, for scripts."""
        typer.echo(json.dumps(value, indent=2, ensure_ascii=False))

    def table(self, rows: Iterable[Any], chosen: Sequence[Column]) -> None:
        """On a terminal a table; elsewhere a line a row, its cells separated by tabs."""
        cells = [[cell(read(row)) for _, read in chosen] for row in rows]
        if not self.terminal:
            for line in cells:
                typer.echo("\t".join(line))
            return
        self._drawn([heading for heading, _ in chosen], cells)

    def _drawn(self, headings: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
        if not cells:
            self.note("nothing found")
            return
        lines = [[_INSTANT.sub(r"\1\2", one) for one in line] for line in cells]
        shown, least = fitting(headings, lines, self._console.width)
        table = Table(box=None, header_style="bold", pad_edge=False)
        for at in shown:
            width = _least(headings[at], [line[at] for line in lines])
            heading = headings[at].upper().replace("_", " ")
            table.add_column(heading, overflow="fold", min_width=width)
        for line in lines:
            table.add_row(*(Text(line[at], style=_STYLES.get(line[at], "")) for at in shown))
        width = max(self._console.width, least)
        self._console.print(table, width=width, crop=False, soft_wrap=False)
        if out := [one for at, one in enumerate(headings) if at not in shown]:
            self.note(f"left out for want of room: {', '.join(out)}; --json has all")

    def object(self, value: dict[str, Any]) -> None:
        """Each field on a line; those without a value are left out."""
        there = {name: one for name, one in value.items() if one not in (None, "", [], {})}
        width = max(map(len, there), default=0)
        for name, one in there.items():
            if name == "log":
                continue
            typer.echo(
                f"{name.ljust(width)}  {cell(one)}" if self.terminal else f"{name}\t{cell(one)}"
            )

    def line(self, text: str, style: str = "") -> None:
        """A line of the result."""
        if self.terminal:
            self._console.print(Text(clean(text, "\n\t"), style=style), soft_wrap=True)
        else:
            typer.echo(clean(text, "\n\t"))

    def note(self, text: str) -> None:
        """Something beside the result; on the error stream."""
        self._errors.print(Text(clean(text, "\n\t")), soft_wrap=True)

    @property
    def errors(self) -> Console:
        """The error stream, for progress."""
        return self._errors
