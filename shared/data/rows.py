"""Writing a row that may be there already: what makes a task's step happen once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from shared.data.models import Base


def insert_once(session: Session, model: type[Base], values: Mapping[str, object]) -> bool:
    """Insert the row, unless one with the same unique key is there; whether it was inserted.

    Of two writers at once, the second waits until the first has committed, and then inserts
    nothing.
    """
    if session.get_bind().dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    (key, *_) = model.__mapper__.primary_key
    statement = insert(model).values(dict(values)).on_conflict_do_nothing().returning(key)
    return session.execute(statement).first() is not None


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
