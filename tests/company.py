"""The demo company as tests build and read it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import select, text

from shared.data import names
from shared.data.database import reading
from shared.data.models import Base
from shared.settings import Secret

TODAY = date(2026, 11, 29)
"""A Sunday."""


def at(path: Path) -> Secret:
    """The URL of a SQLite file."""
    return Secret(f"sqlite:///{quote(str(path))}")


def contents(url: Secret) -> dict[str, list[tuple[object, ...]]]:
    """All rows of Belfry's tables by the models, and the invoices."""
    with reading(url) as session:
        found = {}
        for name in names.TABLES:
            table = Base.metadata.tables[name]
            rows = session.execute(select(table).order_by(*table.primary_key))
            found[name] = [tuple(row) for row in rows]
        invoices = session.execute(text("SELECT * FROM invoices ORDER BY id"))
        found["invoices"] = [tuple(map(str, row)) for row in invoices]
    return found
