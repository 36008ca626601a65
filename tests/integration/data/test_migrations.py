"""Migrations on both databases: from nothing, from the first demo, at once, and killed."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, MetaData, create_engine, func, inspect, select, text

from shared.data import schema
from shared.data.database import reading, writing
from shared.data.engines import parsed
from shared.data.migrations.run import upgrade
from shared.data.models import (
    Appointment,
    AppointmentStatus,
    Base,
    Cost,
    Owner,
    Tenant,
    User,
    Vaccination,
)
from shared.errors import Misconfigured
from shared.settings import Secret
from tests.integration.data.conftest import is_sqlite
from tests.integration.data.old_demo import ROWS

_KILLED = """
import os, signal, sys
from sqlalchemy import Engine, event
from shared.data.migrations.run import upgrade
from shared.settings import Secret

left = int(sys.argv[2])

@event.listens_for(Engine, "before_cursor_execute")
def count(connection, cursor, statement, *rest):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

upgrade(Secret(sys.argv[1]))
print(int(sys.argv[2]) - left)
"""


def dumped(url: Secret) -> dict[str, object]:
    """What a database holds, of all its tables."""
    engine = create_engine(parsed(url))
    with engine.connect() as connection:
        there = MetaData()
        there.reflect(connection)
        rows: dict[str, object] = {
            name: sorted(map(repr, connection.execute(select(table))))
            for name, table in there.tables.items()
        }
    engine.dispose()
    return rows


def test_what_the_migrations_make_is_what_the_models_say(before: Secret) -> None:
    assert upgrade(before).version is None
    with reading(before) as session:
        context = MigrationContext.configure(
            session.connection(),
            opts={"compare_server_default": not is_sqlite(before), "include_object": _is_ours},
        )
        assert compare_metadata(context, Base.metadata) == []
        look = inspect(session.connection())
        for name, table in Base.metadata.tables.items():
            wanted = {str(one.name) for one in table.constraints if not _is_check(one)}
            found = {str(look.get_pk_constraint(name)["name"])}
            found |= {str(one["name"]) for one in look.get_foreign_keys(name)}
            found |= {str(one["name"]) for one in look.get_unique_constraints(name)}
            assert found == wanted, name


def _is_ours(_object: object, _name: str, kind: str, reflected: bool, known: object) -> bool:
    """Others' tables may be there, and are no difference."""
    return not (kind == "table" and reflected and known is None)


def _is_check(constraint: object) -> bool:
    return isinstance(constraint, CheckConstraint)


def test_the_database_checks_what_the_models_check(before: Secret) -> None:
    upgrade(before)
    with reading(before) as session:
        look = inspect(session.connection())
        for name, table in Base.metadata.tables.items():
            found = {
                str(one["name"]): re.sub(r"[()\s]|::\w+", "", one["sqltext"])
                for one in look.get_check_constraints(name)
            }
            wanted = [one for one in table.constraints if isinstance(one, CheckConstraint)]
            assert found.keys() == {str(one.name) for one in wanted}
            if is_sqlite(before):  # PostgreSQL says it in words of its own
                rules = {str(one.name): re.sub(r"[()\s]", "", str(one.sqltext)) for one in wanted}
                assert found == rules


def test_a_demo_of_the_first_versions_is_kept(old: Secret) -> None:
    upgrade(old)
    with reading(old) as session:
        tenants = session.execute(
            select(Tenant.id, Tenant.name, Tenant.timezone, Tenant.no_show_fee_minor)
        ).all()
        assert tenants == [(1, "Pfötchen & Co.", "UTC", None), (2, "Mine", "UTC", None)]
        users = select(User.id, User.tenant_id, User.email, User.role)
        assert session.execute(users.order_by(User.id)).all() == ROWS["users"]
        owners = select(Owner.id, Owner.tenant_id, Owner.name, Owner.phone, Owner.sms_opted_in)
        assert session.execute(owners.order_by(Owner.id)).all() == ROWS["owners"]
        pets = session.execute(text("SELECT * FROM pets ORDER BY id")).all()
        assert [tuple(row) for row in pets] == ROWS["pets"]
        vaccinations = select(
            Vaccination.tenant_id, Vaccination.pet_id, Vaccination.expires_on, Vaccination.status
        )
        assert session.execute(vaccinations.order_by(Vaccination.id)).all() == [
            (2, 1, date(2026, 2, 3), "expired"),
            (1, 2, date(2099, 12, 31), "valid"),
        ]
        kept = select(
            Appointment.tenant_id, Appointment.starts_at, Appointment.status, Appointment.notes
        )
        missed = datetime(2026, 3, 29, 2, 30, tzinfo=UTC)
        assert session.execute(kept.order_by(Appointment.id)).all() == [
            (2, datetime(2026, 1, 5, 8, 30, tzinfo=UTC), "done", None),
            (1, missed, "no_show", "a \\ and “quotes” #2"),
            (1, datetime(2026, 9, 11, 7, tzinfo=UTC), "planned", "%H:%M"),
        ]
        marked = select(Appointment.no_show_at).where(
            Appointment.status == AppointmentStatus.NO_SHOW
        )
        assert session.execute(marked).scalars().all() == [missed]
        costs = select(Cost.tenant_id, Cost.day, Cost.category, Cost.amount_minor, Cost.currency)
        assert session.execute(costs.order_by(Cost.id)).all() == [
            (1, date(2026, 1, 6), "sms", 7, "USD"),
            (2, date(2026, 7, 24), "compute", 123456789029, "USD"),
        ]
        invoices = session.execute(text("SELECT * FROM invoices")).all()
        assert [tuple(map(str, row)) for row in invoices] == [tuple(map(str, ROWS["invoices"][0]))]


def test_new_rows_of_an_old_demo_get_the_next_ids(old: Secret) -> None:
    upgrade(old)
    with writing(old) as session:
        session.add(Owner(tenant_id=1, name="New", sms_opted_in=False))
        session.flush()
        assert session.scalar(select(func.max(Owner.id))) == 3


def test_at_the_newest_version_nothing_is_done(empty: Secret) -> None:
    upgrade(empty)
    before = dumped(empty)
    if is_sqlite(empty):
        file = Path(str(parsed(empty).database))
        file.with_name(f"{file.name}-upgrade").unlink()
        bytes_ = hashlib.sha256(file.read_bytes()).digest()
    with _locked(empty):
        assert upgrade(empty) == schema.Found(schema.HEAD, None)
    assert dumped(empty) == before
    if is_sqlite(empty):
        assert hashlib.sha256(file.read_bytes()).digest() == bytes_
        assert [one.name for one in file.parent.iterdir()] == [file.name], "no lock was taken"


@contextmanager
def _locked(url: Secret) -> Iterator[None]:
    """While somebody writes to it."""
    with writing(url) as session:
        session.execute(text("UPDATE tenants SET name = name"))
        yield
        session.rollback()


def test_of_several_at_once_one_upgrades_and_the_others_wait(old: Secret) -> None:
    command = [sys.executable, "-m", "functions", "database", "upgrade"]
    environ = {"DATABASE_URL": old.reveal(), "BELFRY_LOCAL_SETTINGS": "tests/unit/no.settings.json"}
    several = [
        subprocess.Popen(command, env=environ, text=True, stdout=subprocess.PIPE) for _ in range(3)
    ]
    said = [json.loads(one.communicate(timeout=120)[0]) for one in several]
    assert [one.returncode for one in several] == [0] * 3
    assert sorted(one["changed"] for one in said) == [False, False, True]
    schema.check(old)


def test_killed_in_the_middle_it_leaves_what_was_there_and_can_be_run_again(old: Secret) -> None:
    before = dumped(old)

    def run(statements: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", _KILLED, old.reveal(), str(statements)]
        return subprocess.run(command, capture_output=True, text=True)

    for statements in (12, 40, 90):
        assert run(statements).returncode == -9
        assert dumped(old) == before, statements
        with pytest.raises(Misconfigured, match="no schema of Belfry"):
            schema.check(old)
    done = run(0)
    assert done.returncode == 0, done.stderr
    assert abs(int(done.stdout)) > 90, "the last kill was in the middle"
    schema.check(old)


def test_a_schema_that_is_older_is_told_with_both_versions(empty: Secret) -> None:
    upgrade(empty)
    with writing(empty) as session:
        session.execute(text("UPDATE belfry_version SET version_num = '0001'"))
    with pytest.raises(Misconfigured, match="schema is 0001, and the code needs 0005: run"):
        schema.check(empty)


def test_a_schema_that_is_newer_is_told_with_both_versions_and_kept(empty: Secret) -> None:
    upgrade(empty)
    with writing(empty) as session:
        session.execute(text("UPDATE belfry_version SET version_num = '0099'"))
    for act in (schema.check, upgrade):
        with pytest.raises(Misconfigured, match=r"is 0099, which is newer than .* knows 0005"):
            act(empty)


def test_rows_that_refer_to_none_stop_the_upgrade_of_a_sqlite_database(old: Secret) -> None:
    """PostgreSQL would not have taken them."""
    if not is_sqlite(old):
        return
    engine = create_engine(parsed(old))
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO invoices VALUES (2, 77, '1', '2026-01-01', NULL)"))
    engine.dispose()
    before = dumped(old)
    with pytest.raises(Misconfigured, match="not upgraded: 1 rows of invoices refer to rows that"):
        upgrade(old)
    assert dumped(old) == before
