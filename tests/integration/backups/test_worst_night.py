"""docs/restore.md, as a person follows it: its commands, the files, and nothing of Belfry's."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pyrage
import pytest
from psycopg.conninfo import conninfo_to_dict

from local.postgres import Postgres
from shared.backups.postgres.source import PostgresSource
from shared.backups.sqlite.source import SqliteSource
from shared.backups.store.encryption import Seal
from shared.settings import Secret
from tests.integration.backups.conftest import COMPANY, SHOP
from tests.integration.backups.setup import Shelf

PAGE = Path(__file__).resolve().parents[3] / "docs" / "restore.md"


def commands(name: str) -> str:
    """The page's commands of that name."""
    found = re.search(rf"^```sh {name}\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert found, f"{PAGE.name} has no commands called {name}"
    return found[1]


def run(name: str, folder: Path, **environment: str) -> str:
    """Run the page's commands in that folder; what they said."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands(name)],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session", autouse=True)
def tools() -> None:
    """What the page asks for; installed where it can be, since a test that is skipped is none."""
    missing = [name for name in ("zstd", "age", "sqlite3") if not shutil.which(name)]
    if not missing:
        return
    assert os.geteuid() == 0 and shutil.which("apt-get"), f"type: apt-get install {missing}"
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        subprocess.run(["apt-get", "update", "-qq"], capture_output=True, check=True)
        subprocess.run(command, capture_output=True, check=True)


def download(shelf: Shelf, folder: Path) -> str:
    """All files of the shelf's one backup, into that folder; the blob's short name."""
    (backup,) = shelf.backups()
    with shelf.container() as container:
        for name in shelf.everything():
            (folder / name.rpartition("/")[2]).write_bytes(container.download_blob(name).readall())
    return backup.copies[0].blob.rpartition("/")[2]


@pytest.fixture
def night(tmp_path: Path) -> Path:
    folder = tmp_path / "night"
    folder.mkdir()
    return folder


def test_sqlite(shelf: Shelf, database: SqliteSource, night: Path) -> None:
    shelf.take(database)
    file = download(shelf, night)
    assert f"{file}: OK" in run("check", night, FILE=file)
    for end in ("", "-wal", "-shm"):
        (night / f"company.db{end}").write_text("what is left of the old one")
    assert "ok" in run("sqlite", night, FILE=file, TARGET="company.db")
    counts = {}
    with closing(sqlite3.connect(night / "company.db")) as connection:
        for table in COMPANY:
            quoted = table.replace('"', '""')
            counts[table] = connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()[0]
    assert counts == COMPANY


def test_postgres(
    shelf: Shelf, postgres_source: PostgresSource, postgres: Postgres, night: Path
) -> None:
    shelf.take(postgres_source)
    file = download(shelf, night)
    run("check", night, FILE=file)
    server = conninfo_to_dict(postgres.url("postgres"))
    about = {
        "PATH": f"{postgres.bin}:{os.environ['PATH']}",
        "PGHOST": str(server["host"]),
        "PGPORT": str(server["port"]),
        "PGUSER": str(server["user"]),
        "PGPASSWORD": str(server.get("password") or ""),
        "FILE": file,
    }
    try:
        run("postgres", night, **about)
        said = [line.rpartition(" ") for line in run("compare", night, **about).splitlines()]
        tables = {name: int(count) for name, _, count in said}
        assert tables == SHOP
        assert tables == json.loads((night / f"{file}.manifest.json").read_text())["tables"]
    finally:
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS target WITH (FORCE)")


def test_encrypted(shelf: Shelf, database: SqliteSource, night: Path) -> None:
    secret = str(pyrage.x25519.Identity.generate())
    sealed = replace(shelf, seal=Seal(Secret(secret)))
    sealed.take(database)
    file = download(sealed, night)
    (night / "key").write_text(secret)
    run("check", night, FILE=file)
    run("decrypt", night, FILE=file, KEY="key")
    assert json.loads((night / "manifest.json").read_text())["tables"] == COMPANY
    run("sqlite", night, FILE=file.removesuffix(".age"), TARGET="company.db")
    assert (night / "company.db").exists()
