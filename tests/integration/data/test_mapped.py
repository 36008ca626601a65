"""docs/data.md's example: tables that were there already, under names of their own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from shared.data.engines import parsed
from shared.settings import Secret

_PAGE = Path("docs/data.md").read_text()
_CLIENTS, _PRACTICES = re.findall(r"```sql\n(.*?)```", _PAGE, re.DOTALL)
(_NAMES,) = re.findall(r"```toml\n(.*?)```", _PAGE, re.DOTALL)
_USE = """
import json, sys
from datetime import UTC, date, datetime
from pathlib import Path
from sqlalchemy import select
from shared.data import names
from shared.settings import Secret

names.use(names.read(Path(sys.argv[2])))
from shared.data import schema
from shared.data.database import reading, writing
from shared.data.models import Owner, Reputation, Tenant
from shared.data.pages import pages
from shared.data.rows import insert_once, update_if

url = Secret(sys.argv[1])
schema.check(url)
with writing(url) as session:
    for _ in range(2):
        row = {"owner_id": 7, "tenant_id": 3, "score": 90, "good_since": date(2026, 1, 1)}
        insert_once(session, Reputation, row)
    assert update_if(session, Owner, {"phone": "+491511"}, {"sms_opted_in": False})
    session.get_one(Tenant, 3).no_show_fee_minor = 2500
query = select(Owner.name, Owner.sms_opted_in, Tenant.no_show_fee_minor, Reputation.score)
query = query.join(Tenant, Tenant.id == Owner.tenant_id).join(Reputation).where(Owner.id > 1)
found = [list(row[:4]) for page in pages(url, query, (Owner.id,)) for row in page]
with writing(url) as session:
    owner = session.scalars(select(Owner)).one()
    found.append([owner.id, owner.phone, owner.timezone, owner.tenant_id])
print(json.dumps(found))
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "names.toml"
    path.write_text(_NAMES)
    return path


def command(url: Secret, file: Path, word: str) -> tuple[int, dict[str, Any]]:
    environ = {"DATABASE_URL": url.reveal(), "DATA_NAMES": str(file)}
    environ["BELFRY_LOCAL_SETTINGS"] = "tests/unit/no.settings.json"
    words = [sys.executable, "-m", "functions", "database", word]
    done = subprocess.run(words, env=environ, capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def execute(url: Secret, *statements: str) -> None:
    engine = create_engine(parsed(url))
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def theirs(url: Secret, query: str) -> list[tuple[object, ...]]:
    engine = create_engine(parsed(url))
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


@pytest.fixture
def mapped(empty: Secret) -> Secret:
    """A database with a practice and a client in tables that Belfry did not make."""
    execute(
        empty,
        _PRACTICES,
        _CLIENTS,
        "INSERT INTO practices (no, name, timezone, language, currency, sms_currency) "
        "VALUES (3, 'Mine', 'Europe/Berlin', 'de', 'EUR', 'USD')",
        "INSERT INTO clients VALUES (7, 3, 'Ana', '+491511', TRUE, NULL, NULL, NULL)",
    )
    return empty


def test_tables_that_are_there_are_used_by_their_own_names(mapped: Secret, file: Path) -> None:
    code, said = command(mapped, file, "upgrade")
    assert (code, said["changed"], said["problem"], said["schema"]) == (0, True, None, None)
    code, said = command(mapped, file, "upgrade")
    assert (code, said["changed"]) == (0, False)
    done = subprocess.run(
        [sys.executable, "-c", _USE, mapped.reveal(), str(file)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [["Ana", False, 2500, 90], [7, "+491511", None, 3]]
    assert theirs(mapped, 'SELECT no, "no show fee" FROM practices') == [(3, 2500)]
    (client,) = theirs(mapped, "SELECT client_no, full_name, wants_sms FROM clients")
    assert client == (7, "Ana", False)


def test_what_is_missing_is_listed_by_their_names(mapped: Secret, file: Path) -> None:
    execute(mapped, "ALTER TABLE clients DROP COLUMN mobile")
    code, said = command(mapped, file, "status")
    assert code == 1
    assert "clients.mobile, pets, vaccinations" in said["problem"]
    code, said = command(mapped, file, "upgrade")
    assert code == 1
    assert "should have clients.mobile, and has not: tables are made by" in said["problem"]


def test_administrators_are_found_by_their_own_names(mapped: Secret, tmp_path: Path) -> None:
    execute(
        mapped,
        "CREATE TABLE staff (mail text, job text)",
        "INSERT INTO staff VALUES ('ana@example.com', 'system_admin'), ('x@example.com', 'staff')",
    )
    (tmp_path / "staff.toml").write_text('[users]\ntable = "staff"\nemail = "mail"\nrole = "job"\n')
    code = (
        "import sys; from pathlib import Path; from shared.data import names, people; "
        "from shared.settings import Secret; names.use(names.read(Path(sys.argv[2]))); "
        "print(people.administrators(Secret(sys.argv[1])))"
    )
    words = [sys.executable, "-c", code, mapped.reveal(), str(tmp_path / "staff.toml")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.stdout == "['ana@example.com']\n", done.stderr
