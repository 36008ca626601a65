"""Reading and writing: transactions, connections, and what errors say and do not say."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select, text

from local.postgres import Postgres
from shared.data import engines, schema
from shared.data.database import reading, writing
from shared.data.engines import Access, engine, parsed, shown
from shared.data.models import Appointment, Owner, Tenant
from shared.errors import BelfryError, Conflict, Misconfigured, Refused, Unavailable
from shared.settings import Secret
from tests.company import at
from tests.integration.data.conftest import is_sqlite, tenant


def names(url: Secret) -> list[str]:
    with reading(url) as session:
        return list(session.execute(select(Tenant.name).order_by(Tenant.id)).scalars())


def test_a_block_is_one_transaction(url: Secret) -> None:
    with writing(url) as session:
        session.add(tenant(name="kept"))
    with pytest.raises(InterruptedError), writing(url) as session:
        session.add(tenant(name="lost"))
        session.flush()
        raise InterruptedError
    assert names(url) == ["Łapka", "kept"]


def test_who_reads_cannot_write(url: Secret) -> None:
    with pytest.raises(BelfryError, match=r"read-?only"), reading(url) as session:
        session.execute(text("DELETE FROM pets"))
    with writing(url) as session:  # the connection that was read by is as it was
        session.add(tenant(name="written"))
    assert names(url) == ["Łapka", "written"]


def test_a_process_has_one_engine_however_many_ask_at_once(url: Secret) -> None:
    found = []
    ready = threading.Barrier(4)

    def ask() -> None:
        ready.wait()
        found.append(engine(Secret(url.reveal()), Access.WRITE))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len({id(one) for one in found}) == 1


def test_rows_that_break_a_rule_are_told_without_their_values(url: Secret) -> None:
    with pytest.raises(Conflict, match="refuses a row") as caught, writing(url) as session:
        session.add(Owner(tenant_id=77, name="Hush", phone="+49hush", sms_opted_in=True))
    shown = f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
    assert "ush" not in shown


def test_a_sqlite_file_that_is_missing_is_not_made(tmp_path: Path) -> None:
    url = at(tmp_path / "none.db")
    for block in (reading, writing):
        with (
            pytest.raises(Misconfigured, match=r"none\.db; .* upgrade. makes it"),
            block(url) as one,
        ):
            one.execute(text("SELECT 1"))
    with pytest.raises(Misconfigured, match=r"there is no folder .*/nowhere"):
        schema.look(at(tmp_path / "nowhere" / "x.db"))
    assert list(tmp_path.iterdir()) == []


def test_a_writer_of_sqlite_waits_for_another_and_then_says_so(
    url: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_sqlite(url):
        return
    monkeypatch.setattr(engines, "TIMEOUT", 0.1)
    with closing(sqlite3.connect(str(parsed(url).database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"), writing(url) as session:
            session.add(tenant())
        assert names(url) == ["Łapka"], "reading does not wait"


def test_each_transaction_of_postgresql_has_its_limits(url: Secret) -> None:
    if is_sqlite(url):
        return
    limits = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    for _ in range(2):
        with writing(url) as session:
            found = [session.scalar(text(f"SHOW {limit}")) for limit in limits]
            assert found == ["1min", "10s", "1min"]


def test_a_connection_that_was_cut_is_replaced(url: Secret, postgres: Postgres) -> None:
    if is_sqlite(url):
        return
    assert names(url) == ["Łapka"]
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
    with writing(Secret(postgres.url("postgres"))) as session:
        session.execute(text(kill), {"name": parsed(url).database})
    assert names(url) == ["Łapka"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:////data/company.db", "SQLite /data/company.db"),
        ("postgresql://me:hush@db.example.com:6432/pets", "PostgreSQL pets on db.example.com:6432"),
        ("postgresql:///pets", "PostgreSQL pets on this machine"),
    ],
)
def test_a_database_is_shown_without_user_and_password(url: str, said: str) -> None:
    assert shown(Secret(url)) == said


@pytest.mark.parametrize("empty", ["postgresql"], indirect=True)
def test_a_value_that_postgresql_cannot_take_or_python_cannot_hold_is_no_outage(
    url: Secret,
) -> None:
    """Another attempt would fail too, and a message about it must not hold up all others."""
    with pytest.raises(Refused, match="out of range"), reading(url) as connection:
        connection.execute(select(Tenant.name).where(Tenant.id == 2**40)).all()
    endless = (
        "INSERT INTO appointments (tenant_id, pet_id, starts_at, status, booked_at) "
        "VALUES (1, 1, now(), 'planned', 'infinity')"
    )
    with writing(url) as session:
        session.execute(text(endless))
    with pytest.raises(Refused, match="'infinity'"), reading(url) as connection:
        connection.execute(select(Appointment.booked_at)).all()
