"""What a person or a script sees: tables on a terminal, plain text elsewhere, or JSON.

Texts of the API may come from anybody: control characters, which could move the cursor or colour
the screen, are shown as `?`, and nothing is read as markup.
"""

from __future__ import annotations

import json
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
            return " ".join(clean(f"{key}={cell(one)}") for key, one in value.items())
        case list() | tuple():
            return ", ".join(cell(one) for one in value)
    return clean(str(value))


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
        table = Table(box=None, header_style="bold", pad_edge=False)
        for heading, _ in chosen:
            table.add_column(heading.upper().replace("_", " "), overflow="fold")
        for line in cells:
            table.add_row(*(Text(one, style=_STYLES.get(one, "")) for one in line))
        self._console.print(table)
        if not cells:
            self.note("nothing found")

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
