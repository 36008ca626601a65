"""Writing rows that may be there already: what makes a task's step happen once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from shared.data.models import Base

Values = Mapping[str, object]
"""A row's values, by Belfry's names of the columns."""


def insert_once(session: Session, model: type[Base], values: Values) -> bool:
    """Insert the row, unless one with the same unique key is there; whether it was inserted.

    Of two writers at once, the second waits until the first has committed, and then inserts
    nothing.
    """
    return insert_all_once(session, model, [values]) == 1


def insert_all_once(session: Session, model: type[Base], rows: Sequence[Values]) -> int:
    """The same for several rows, which all name the same columns; how many were inserted."""
    if not rows:
        return 0
    (key, *_) = model.__mapper__.primary_key
    statement = _insert(session, model, rows).on_conflict_do_nothing().returning(key)
    return len(session.execute(statement).all())


def put_all(session: Session, model: type[Base], rows: Sequence[Values]) -> None:
    """Insert each row, or change the one with the same primary key to it."""
    if not rows:
        return
    statement = _insert(session, model, rows)
    keys = model.__mapper__.primary_key
    changed = {
        attribute.key: statement.excluded[attribute.columns[0].key]
        for attribute in model.__mapper__.column_attrs
        if attribute.key in rows[0] and attribute.columns[0] not in keys
    }
    session.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


def _insert(session: Session, model: type[Base], rows: Sequence[Values]) -> Any:
    """An INSERT in the database's own dialect."""
    if session.get_bind().dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    return insert(model).values([dict(row) for row in rows])


def update_if(
    session: Session, model: type[Base], expected: Mapping[str, Any], to: Mapping[str, Any]
) -> bool:
    """Change the row whose columns still are as `expected`; whether there was one. This is how a
    row is claimed: of two writers with the same expectation, one gets true."""
    from sqlalchemy import update

    mine = [getattr(model, name) == value for name, value in expected.items()]  # or IS NULL
    change = update(model).where(*mine).values(dict(to))
    done: Any = session.execute(change, execution_options={"synchronize_session": False})
    return bool(done.rowcount == 1)


def update_all_if(
    session: Session, model: type[Base], expected: Sequence[ColumnElement[bool]], to: Values
) -> list[Any]:
    """Change the rows for which that still holds; their keys. Of two writers, one gets a row."""
    from sqlalchemy import update

    (key, *_) = model.__mapper__.primary_key
    change = update(model).where(*expected).values(dict(to)).returning(key)
    options = {"synchronize_session": False}
    return list(session.execute(change, execution_options=options).scalars())
