"""What all models share: how constraints are named, which Python type is which column, and the
names that this process maps them to."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnClause,
    Date,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    column,
    event,
)
from sqlalchemy.orm import DeclarativeBase

from shared.data import names
from shared.data.models.types import UtcDateTime

CONVENTION = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}
"""Each constraint has a name, by which a migration can change it."""

_NAMES = names.current()
_LOGICAL = {_NAMES.table(table): table for table in names.TABLES}


class Base(DeclarativeBase):
    """A model. `__tablename__` is Belfry's name of the table; the database may have another."""

    metadata = MetaData(naming_convention=CONVENTION)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        bytes: LargeBinary(),
        date: Date(),
        datetime: UtcDateTime(),
    }

    def __init_subclass__(cls, **options: Any) -> None:
        cls.__tablename__ = _NAMES.table(cls.__tablename__)
        super().__init_subclass__(**options)


@event.listens_for(Column, "before_parent_attach")
def _mapped(one: Column[Any], table: Any) -> None:
    """Give the column the database's name; in Python it keeps ours, as its key."""
    if isinstance(table, Table) and table.metadata is Base.metadata:
        one.name = _NAMES.column(_LOGICAL[table.name], one.key)


def one_of(table: str, about: str, choices: type[StrEnum]) -> CheckConstraint:
    """The database's own check that a column holds one of these."""
    texts = ", ".join(f"'{choice.value}'" for choice in choices)
    return check(table, about, f"IN ({texts})")


def index(
    table: str, *columns: str, only_null: str | None = None, only_set: str | None = None
) -> Index:
    """An index of the rows in which one column is null, or is not."""
    about: ColumnClause[Any] = column(_NAMES.column(table, only_null or only_set or ""))
    condition = about.is_(None) if only_null else about.is_not(None)
    return Index(None, *columns, postgresql_where=condition, sqlite_where=condition)


def check(table: str, about: str, rule: str) -> CheckConstraint:
    """That `column rule` holds, such as `score BETWEEN 0 AND 100`."""
    # As an expression it is put in quotes, if it needs them.
    named: ColumnClause[Any] = column(_NAMES.column(table, about))
    return CheckConstraint(f"{named} {rule}", name=about)
