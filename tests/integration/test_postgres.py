"""The embedded PostgreSQL starts again whatever happened to it, and says why when it does not."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local import ports
from local.postgres import Postgres, start
from shared.errors import Damaged, Unavailable
from tests.conftest import scratch

REPO = Path(__file__).parents[2]
PARENT = """
import sys, time
from pathlib import Path
from local.postgres import start
print(start(Path(sys.argv[1])).url("postgres"), flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def stopped() -> Iterator[Path]:
    """The folder of a server that was started once and stopped."""
    with scratch() as path:
        start(path / "stopped", durable=False).stop()
        yield path / "stopped"


@pytest.fixture
def new() -> Iterator[Path]:
    """A folder that is not there yet."""
    with scratch() as path:
        yield path / "postgres"


@pytest.fixture
def folder(new: Path, stopped: Path) -> Path:
    """A copy of `stopped`, of the same owners."""
    subprocess.run(["cp", "-a", str(stopped), str(new)], check=True)
    return new


def test_the_password_is_needed_and_for_its_owner_only(postgres: Postgres) -> None:
    assert (postgres.folder / "password").stat().st_mode & 0o777 == 0o600
    for url in (
        postgres.url("postgres").replace(postgres.password, "wrong"),
        postgres.url("postgres").replace(f":{postgres.password}", ""),
    ):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url)


def test_a_server_killed_at_work_starts_again(folder: Path) -> None:
    with start(folder, durable=False) as server:
        psql = [str(server.bin / "psql"), server.url("postgres"), "-c"]
        query = "SELECT count(*) FROM generate_series(1, 2000000000)"
        with subprocess.Popen([*psql, query], stderr=subprocess.DEVNULL) as client:
            with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
                _wait_for_work(connection)
            server.process.kill()
            server.process.wait()
            with start(folder) as again:
                psycopg.connect(again.url("postgres")).close()
            client.kill()


def _wait_for_work(connection: psycopg.Connection) -> None:
    deadline = time.monotonic() + 10
    working = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%2000000000)'"
    while connection.execute(working.encode()).fetchone() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_server_whose_parent_was_killed_makes_way(folder: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPO) as parent:
        assert parent.stdout
        url = parent.stdout.readline().strip()
        with psycopg.connect(url, autocommit=True):  # PostgreSQL alone would wait for this client
            parent.kill()
            parent.wait()
            port = int(url.rpartition(":")[2].partition("/")[0])
            with start(folder, port=port) as again:
                assert again.url("postgres") == url
                psycopg.connect(url).close()


def test_a_stale_pid_file_is_forgotten(folder: Path) -> None:
    (folder / "data" / "postmaster.pid").write_text("")
    start(folder).stop()


def test_a_first_start_that_was_interrupted_is_done_again(new: Path) -> None:
    (new / "data.unfinished").mkdir(parents=True)
    (new / "data.unfinished" / "PG_VERSION").write_text("18\n")
    (new / "password").touch(mode=0o600)
    start(new).stop()


def test_a_folder_without_its_version_is_named(folder: Path) -> None:
    (folder / "data" / "PG_VERSION").unlink()
    with pytest.raises(Damaged, match=rf"{folder}(.|\n)*database system is shut down"):
        start(folder)


def test_a_damaged_folder_is_named(folder: Path) -> None:
    (folder / "data" / "global" / "pg_control").write_bytes(b"")
    with pytest.raises(Damaged, match=str(folder)):
        start(folder)


def test_a_port_that_is_taken_does_not_mean_damage(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as other:
        other.bind((ports.HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Unavailable, match=f"port {port} is in use"):
            start(folder, port=port)
        monkeypatch.setattr(ports, "is_free", lambda _: True)  # taken after we looked
        with pytest.raises(Unavailable, match="could not bind"):
            start(folder, port=port)
