"""A process that takes one backup after another does not grow.

`BELFRY_BACKUP_ROUNDS=25` takes 200 of them in place of forty; with `-s` the figures are shown.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyrage
import pytest

from local import azurite as local_azurite
from local.postgres import Postgres
from tests.conftest import scratch
from tests.integration.backups.postgres.setup import execute, made
from tests.integration.backups.setup import PRIMARY, Shelf

MOST_MEMORY = 200_000_000
"""Bytes of a process between two backups, whatever it took: interpreter, SDKs and all."""
GROWTH = 20_000_000
"""Bytes that there may be more after the last round than half-way. It is flat from about the tenth
round on; what grew without end took 40 MB a round."""
ROUNDS = int(os.environ.get("BELFRY_BACKUP_ROUNDS", "5"))
PLANS: list[dict[str, Any]] = [
    {"source": "database"},
    {"source": "postgres", "encrypt": False},
    {"source": "large"},
    {"source": "crm", "encrypt": False},
    {"source": "state"},
    {"source": "one", "compression": "gzip"},
    {"source": "two", "encrypt": False},
    {"source": "three"},
]


@pytest.fixture
def storage() -> Iterator[str]:
    """An Azurite of the test's own, with which its blobs go."""
    with scratch() as folder, local_azurite.start(folder) as running:
        yield running.connection_string


@pytest.fixture
def crm(postgres: Postgres) -> Iterator[str]:
    """The URL of a database of 27 MB."""
    row = "SELECT n AS id, repeat(encode(sha512(int4send(n)), 'base64'), 5) AS note"
    table = f"CREATE UNLOGGED TABLE notes AS {row} FROM generate_series(1, 60000) n"
    url = made(postgres, table, name="crm")
    try:
        yield url
    finally:
        execute(postgres.url("postgres"), "DROP DATABASE crm WITH (FORCE)")


def test_a_listing_of_many_answers_is_whole(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.storage.blobs.container._PAGE", 7)
    with shelf.container() as container:
        container.create_container()
        for number in range(30):
            container.upload_blob(f"b{number}", b"")
    found = shelf.catalog[PRIMARY].copies()
    assert (list(found), found.strange) == ([], 30)


def sqlite(path: Path, rows: int) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, note BLOB)")
        notes = ((os.urandom(10_000),) for _ in range(rows))
        connection.executemany("INSERT INTO notes (note) VALUES (?)", notes)
        connection.commit()
    return path


def test_memory_is_flat_over_many_backups(
    crm: str, shop: str, storage: str, postgres: Postgres, tmp_path: Path
) -> None:
    small, large = sqlite(tmp_path / "small.db", 10), sqlite(tmp_path / "large.db", 2500)
    settings = {
        "AzureWebJobsStorage": storage,
        "DATABASE_PATH": str(small),
        "POSTGRES_URL": shop,
        "POSTGRES_BIN": str(postgres.bin),
        "BACKUP_SOURCES": "crm,large,one,two,three",
        "BACKUP_CRM_URL": crm,
        "BACKUP_LARGE_URL": f"sqlite:///{large}",
        "BACKUP_ENCRYPTION_KEY": str(pyrage.x25519.Identity.generate()),
    }
    for name in ("one", "two", "three"):
        settings[f"BACKUP_{name.upper()}_URL"] = f"sqlite:///{sqlite(tmp_path / name, 10)}"
    order = {"plans": PLANS, "rounds": ROUNDS}
    command = [sys.executable, "-m", "tests.integration.backups.many"]
    done = subprocess.run(
        command,
        input=json.dumps(order),
        env={"PATH": os.environ["PATH"]} | settings,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    after = [json.loads(line) for line in done.stdout.splitlines()]
    print("MB after each round:", [round(one / 1e6) for one in after])
    assert len(after) == ROUNDS
    assert after[-1] < MOST_MEMORY, after
    assert after[-1] - after[ROUNDS // 2] < GROWTH, after
