"""Tables of the demo company that Belfry does not know: its invoices, which a backup holds and an
upgrade leaves alone; and up to which day the demo has been made."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from local.company.chance import number
from local.company.rows import OWNERS
from shared.data import names

if TYPE_CHECKING:
    from sqlalchemy import Connection

INVOICES = 1200
_START = datetime(2026, 1, 5, 8, tzinfo=UTC).replace(tzinfo=None)
"""Wall time of the practice."""


def add_invoices(connection: Connection) -> None:
    """Create them and fill them, if they are not there."""
    from sqlalchemy import inspect, text

    if inspect(connection).has_table("invoices"):
        return
    postgres = connection.dialect.name == "postgresql"
    amount, time = ("numeric(12, 2)", "timestamp") if postgres else ("TEXT", "TEXT")
    owners, key = names.current().table("owners"), names.current().column("owners", "id")
    columns = (
        f'id integer PRIMARY KEY, owner_id integer NOT NULL REFERENCES "{owners}" ("{key}"), '
        f"amount {amount} NOT NULL, due_at {time} NOT NULL, paid_at {time}"
    )
    connection.execute(text(f"CREATE TABLE invoices ({columns})"))
    rows = [_invoice(n) for n in range(1, INVOICES + 1)]
    if not postgres:  # keeps decimals and times as text
        rows = [{k: v and str(v) for k, v in row.items()} for row in rows]
    connection.execute(
        text("INSERT INTO invoices VALUES (:id, :owner, :amount, :due, :paid)"), rows
    )


def _invoice(n: int) -> dict[str, object]:
    """The amount has two places always, as PostgreSQL shows it."""
    due = _START + timedelta(days=number(250, "due", n))
    paid = due + timedelta(days=number(20, "paid", n) - 10, seconds=n) if n % 4 else None
    amount = Decimal(number(50_000, "invoice", n)).scaleb(-2)
    owner = 1 + number(OWNERS, "invoice", n)
    return {"id": n, "owner": owner, "amount": amount, "due": due, "paid": paid}


def made_until(connection: Connection) -> date | None:
    """The last day that has been made; None before the first build."""
    from sqlalchemy import inspect, text

    if not inspect(connection).has_table("demo_company"):
        return None
    found = connection.execute(text("SELECT max(made_until) FROM demo_company")).scalar()
    return None if found is None else date.fromisoformat(found)


def note_made_until(connection: Connection, day: date) -> None:
    from sqlalchemy import text

    connection.execute(text("CREATE TABLE IF NOT EXISTS demo_company (made_until text NOT NULL)"))
    connection.execute(text("DELETE FROM demo_company"))
    connection.execute(text("INSERT INTO demo_company VALUES (:day)"), {"day": day.isoformat()})
