"""The formats: one module each, by the format's name.

A module has `EXTENSION`, `CONTENT_TYPE`, and `pieces(report, scratch)`, which yields the file's
bytes piece by piece, and may write files into the folder `scratch`. One that needs a library which
may be missing has `missing()`, which says so. The same report gives the same bytes, whatever the
machine, its zone and its language.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from shared.errors import Invalid
from shared.exports.kinds import Format
from shared.exports.report import Report


class Writer(Protocol):
    """A module of a format."""

    EXTENSION: str
    CONTENT_TYPE: str

    def pieces(self, report: Report, scratch: Path) -> Iterator[bytes]:
        """The bytes of the file."""


def writer(format: Format) -> Writer:
    """The format's module. Raises `Invalid` naming `format` if it cannot be used here."""
    module = import_module(f"{__name__}.{format.value}")
    missing = getattr(module, "missing", None)
    if missing is not None and (why := missing()):
        raise Invalid("format", f"format not installed: {why}")
    return cast(Writer, module)


def about(format: Format) -> tuple[str, str]:
    """(what the names of its files end in, their content type); it need not be installed."""
    module = import_module(f"{__name__}.{format.value}")
    return module.EXTENSION, module.CONTENT_TYPE
