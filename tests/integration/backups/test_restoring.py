"""What a restore refuses before it begins, and what is known of it afterwards, and by whom."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.azurite import Azurite
from local.postgres import Postgres
from shared import settings
from shared.backups.engines import engine_of
from shared.backups.jobs.restore import restore, tell
from shared.backups.jobs.take import tell_damaged
from shared.backups.params import RestoreOrder
from shared.backups.postgres.source import PostgresSource
from shared.backups.sqlite.source import SqliteSource
from shared.errors import Conflict, Damaged, Invalid, Refused
from shared.log import Event
from shared.notifications.service import notifications_from
from shared.settings import Secret
from shared.storage.connect import Connection
from tests.context import job_of
from tests.integration.backups.client import ROWS, Client, opened
from tests.integration.backups.postgres.setup import column, databases_like, made
from tests.integration.backups.setup import PRIMARY, Given, Shelf
from tests.integration.notifications.vendors import CHATS, Vendors, vendors
from tests.untold import UNTOLD

ADA = "ada@example.com"
SERVERS = (
    *("template0", "template1", "postgres"),
    *("azure_maintenance", "azure_sys", "rdsadmin", "cloudsqladmin"),
)


@pytest.mark.parametrize(
    ("engine", "good", "bad"),
    [
        (
            "postgresql",
            ["shop", "Template1", 'Wéird "x"', "x" * 63, "belfry"],
            [
                *("", "x" * 64, "ü" * 32, "a\0b", "a\nb", "../../x", "C:\\x"),
                *("belfry_scratch_", "belfry_restoring_1", *SERVERS),
            ],
        ),
        (
            "sqlite",
            ["other.db", "Ünder stood", "x" * 200, "template1"],
            ["", ".", "..", "a/b", "/etc/x", "a\\b", "a\0b", "a\nb", "x.db-wal", "x" * 201],
        ),
        ("belfry", ["belfry", "b2", "x" * 20], ["", "2b", "Belfry", "a-b", "a_b", "ü", "x" * 21]),
    ],
)
def test_targets_of_each_kind(engine: str, good: list[str], bad: list[str]) -> None:
    assert {name: engine_of(engine).target_problem(name) for name in good} == dict.fromkeys(good)
    assert [name for name in bad if not engine_of(engine).target_problem(name)] == []


class Till:
    """A proved backup of one schema of a database with two, on a shelf."""

    def __init__(self, shelf: Shelf, postgres: Postgres) -> None:
        self.shelf, self.postgres = shelf, postgres
        self.name = f"till{uuid.uuid4().hex[:8]}"
        self.url = made(
            postgres,
            "CREATE TABLE people AS SELECT 1 AS n",
            "CREATE SCHEMA billing CREATE TABLE bills (n int)",
            "INSERT INTO billing.bills VALUES (1), (2)",
            name=self.name,
        )
        self.source = PostgresSource(Secret(self.url), schemas=("billing",))
        self.id = str(shelf.take(self.source)["id"])

    def restore(self, **order: str) -> dict[str, Any]:
        made = RestoreOrder(backup_id=self.id, **order)
        return dict(restore(Given(self.source), self.shelf.catalog, made, job_of()))


@pytest.fixture
def till(shelf: Shelf, postgres: Postgres) -> Till:
    return Till(shelf, postgres)


def test_a_backup_of_some_schemas_replaces_no_whole_database(till: Till) -> None:
    with pytest.raises(Conflict, match=r"holds only schemas billing of till.*into a new one"):
        till.restore(target=till.name, replace=till.name)
    assert databases_like(till.postgres, till.name) == [till.name]
    assert column(till.url, "SELECT n FROM people") == ["1"]
    done = till.restore()
    assert (done["scope"], done["rows"]) == ("schemas billing", 2)
    there = till.postgres.url(done["target"])
    assert column(there, "SELECT count(*) FROM billing.bills") == ["2"]


def test_the_servers_own_databases_are_refused_before_anything_is_read(till: Till) -> None:
    before = databases_like(till.postgres, "")
    with till.shelf.container() as container:
        for name in till.shelf.everything():
            if name.endswith(".manifest.json"):
                container.delete_blob(name)
    for name in ("template0", "template1", "postgres", "azure_sys", "belfry_scratch_1"):
        for order in ({"target": name}, {"target": name, "replace": name}):
            with pytest.raises(Invalid, match=f"^target: {name} is "):
                till.restore(**order)
    assert databases_like(till.postgres, "") == before


def test_a_round_that_failed_says_what_it_proved(shelf: Shelf, postgres: Postgres) -> None:
    name = made(postgres, "CREATE TABLE bills (n int)").rpartition("/")[2]
    server = Secret(postgres.url("postgres"))
    good = PostgresSource(server, database=name)
    lost = PostgresSource(server, name="crm", database="nosuch")
    other = PostgresSource(server, name="erp", database="nosuch")
    with pytest.raises(Refused) as failed:
        shelf.take_all([lost, good])
    (one,) = shelf.backups()
    said = str(failed.value)
    assert "1 of 2 failed: crm: crm: there is no database 'nosuch' at " in said
    assert said.endswith(f"see `databases` of the backup plan; proved: postgres/{name} {one.id}")
    with pytest.raises(Refused) as failed:
        shelf.take_all([lost, other], job_of(job_id="other"))
    assert "2 of 2 failed" in str(failed.value) and "proved" not in str(failed.value)


@pytest.fixture
def street() -> Iterator[Vendors]:
    with vendors() as running:
        yield running


@pytest.fixture
def client(
    azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, street: Vendors
) -> Iterator[Client]:
    """With one administrator, and every channel to people."""
    with opened(azurite, tmp_path, **street.settings()) as made:
        made.sql("ALTER TABLE users ADD COLUMN email TEXT")
        made.sql("ALTER TABLE users ADD COLUMN role TEXT")
        made.sql(f"UPDATE users SET email = '{ADA}', role = 'system_admin' WHERE id = 1")
        yield made


def events(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    found = [one for one in caplog.records if getattr(one, "event", "") == Event.BACKUP_RESTORED]
    return [one.fields for one in found]  # type: ignore[attr-defined]


def restored(client: Client, backup: dict[str, Any], body: Any) -> Any:
    client.engine.later(60)
    return client.done(client.told("POST", f"/backups/{backup['id']}/restore", body))


def test_a_restore_into_a_new_file_is_recorded_and_mailed(
    client: Client, street: Vendors, caplog: pytest.LogCaptureFixture
) -> None:
    one = client.taken(client.plan())
    with caplog.at_level(logging.INFO):
        job = restored(client, one, {"target": "other.db"})
    result = job.result
    (fields,) = events(caplog)
    assert fields == {
        "schedule_id": job.schedule_id,
        "job_id": job.id,
        "backup_id": one["id"],
        "target": "other.db",
        "rows": ROWS + 3,
        "seconds": result["restore_seconds"],
    }
    log = client.app.manager.job(job.id).log
    assert "INFO restoring " in log and "target=other.db" in log
    assert f"INFO restored target=other.db rows={ROWS + 3}" in log
    assert (result["scope"], result["source"]) == ("", "database")
    assert street.mailed() == [ADA]
    assert not any(street.to(chat) for chat in CHATS)
    (notification,) = client.app.notifications().page(None, None, 1, 10)[0]
    assert notification.key == f"restore:{job.id}"
    assert notification.subject == "Restored into other.db: database/company"
    for told in (job.id, one["id"], "target: other.db", f"rows: {ROWS + 3}"):
        assert told in notification.text


def test_a_restore_over_something_is_an_alert_that_says_where_that_is_now(
    client: Client, street: Vendors, caplog: pytest.LogCaptureFixture
) -> None:
    one = client.taken(client.plan())
    with caplog.at_level(logging.INFO):
        job = restored(client, one, {"target": "company.db", "replace": "company.db"})
    kept_as = job.result["kept_as"]
    (fields,) = events(caplog)
    assert (fields["target"], fields["kept_as"]) == ("company.db", kept_as)
    log = client.app.manager.job(job.id).log
    assert f"restored target=company.db kept_as={kept_as} rows={ROWS + 3}" in log
    assert "replace=company.db" in log
    assert street.mailed() == [ADA]
    assert {len(street.to(chat)) for chat in CHATS} == {1}
    for notification in client.app.notifications().page(None, None, 1, 10)[0]:
        assert notification.subject == "Restored over company.db: database/company"
        assert f"kept as: {kept_as}" in notification.text


def test_what_is_to_be_replaced_and_is_not_there_is_refused(shelf: Shelf, company: Path) -> None:
    """The name was another's: lists name a SQLite database without its file's ending."""
    source = SqliteSource(company)
    order = RestoreOrder(
        backup_id=str(shelf.take(source)["id"]), target=company.stem, replace=company.stem
    )
    with pytest.raises(Conflict, match=f"there is no .*/{company.stem} to be replaced.*ending, as"):
        restore(Given(source), shelf.catalog, order, job_of())
    assert not company.with_name(company.stem).exists()


def test_a_state_that_is_restored_among_what_is_there_is_an_alert(
    client: Client, street: Vendors
) -> None:
    one = client.taken(client.plan(source="state"))
    prefix = client.app.settings.prefix
    restored(client, one, {"target": prefix, "replace": prefix})
    assert {len(street.to(chat)) for chat in CHATS} == {1}


def test_a_restore_that_nobody_can_be_told_of_is_a_restore(
    shelf: Shelf, database: SqliteSource, tmp_path: Path
) -> None:
    """The storage of the outbox is away, as in the worst night."""
    order = RestoreOrder(backup_id=str(shelf.take(database)["id"]), target="other.db")
    job = job_of()
    result = restore(Given(database), shelf.catalog, order, job)
    away = settings.from_env(
        {
            "AzureWebJobsStorage": "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;"
            "TableEndpoint=http://127.0.0.1:9/a;QueueEndpoint=http://127.0.0.1:9/a;"
            "BlobEndpoint=http://127.0.0.1:9/a"
        }
    )
    notifications = notifications_from(
        away, Connection(away.storage), shelf.meta, job.clock, UNTOLD
    )
    tell(notifications, order, result, job)
    assert "ERROR nobody was told of it" in job.log.text()
    assert (tmp_path / "other.db").is_file()


def test_what_was_found_damaged_after_the_order_is_not_restored(
    shelf: Shelf, company: Path
) -> None:
    """A retry, or a run of the order's schedule, asks no door again."""
    source = SqliteSource(company)
    good = shelf.take(source)
    (backup,) = shelf.backups()
    copy = backup.copies[0]
    tell_damaged(shelf.catalog[PRIMARY], copy, Damaged("its bytes changed"), job_of())
    order = RestoreOrder(backup_id=str(good["id"]), target="other.db")
    with pytest.raises(Conflict, match="not verified"):
        restore(Given(source), shelf.catalog, order, job_of())
    assert not company.with_name("other.db").exists()
    named = order.model_copy(update={"destination": PRIMARY})
    assert restore(Given(source), shelf.catalog, named, job_of())["target"]
