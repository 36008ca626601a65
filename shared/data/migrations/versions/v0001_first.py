"""The tables of the first demo company, as they were before Belfry kept versions.

A database that has them keeps them as they are; any other gets them empty. So the next version has
one beginning, whatever was there.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    there = sa.inspect(op.get_bind()).get_table_names()
    for name, columns in _TABLES.items():
        if name not in there:
            op.create_table(name, _id(), *columns())


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, primary_key=True, autoincrement=False)


def _of(table: str) -> sa.Column[int]:
    name = f"{table.removesuffix('s')}_id"
    return sa.Column(name, sa.Integer, sa.ForeignKey(f"{table}.id"), nullable=False)


def _text(name: str, *, nullable: bool = False, unique: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable, unique=unique)


def _time(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime, nullable=False)


_TABLES: dict[str, Callable[[], list[sa.Column[Any]]]] = {
    "tenants": lambda: [_text("name")],
    "users": lambda: [_of("tenants"), _text("email", unique=True), _text("role")],
    "owners": lambda: [
        _of("tenants"),
        _text("name"),
        _text("phone", nullable=True),
        sa.Column("sms_opted_in", sa.Boolean, nullable=False),
    ],
    "pets": lambda: [_of("owners"), _text("name"), sa.Column("avatar", sa.LargeBinary)],
    "vaccinations": lambda: [_of("pets"), _text("kind"), _time("expires_at")],
    "appointments": lambda: [
        _of("pets"),
        _time("starts_at"),
        _text("status"),
        _text("notes", nullable=True),
    ],
    "costs": lambda: [
        _of("tenants"),
        _time("day"),
        _text("service"),
        sa.Column("amount", sa.Numeric(12, 2), nullable=False),
    ],
}
