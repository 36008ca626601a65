"""A table of 1 GB, taken by the task as it runs each night, in a process that stays small.

The table is larger than what the process may hold, and so is what is stored of it: nothing of
either can be in memory whole, at any step of the chain. It is encrypted, and its blocks are the
largest that there are: that takes the most.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyrage
import pytest
from azure.storage.blob import ContainerClient
from zstandard import ZstdDecompressor

from local import azurite as local_azurite
from local.postgres import Postgres
from shared.backups.store.encryption import Seal
from shared.settings import Secret
from tests.conftest import scratch
from tests.integration.backups.conftest import scratch_databases
from tests.integration.backups.postgres.setup import column, execute, made

MOST_MEMORY = 200_000_000
"""Bytes of a process that takes a backup, of any size: interpreter, SDKs and all."""
LEAST = 1_000_000_000
ROWS = 1_000_000
KEY = Secret(str(pyrage.x25519.Identity.generate()))
# Unlogged, so that a disk has it twice (once more for the proof) and not four times. Of each row
# a third is new, so that a quarter of it is stored.
TABLE = f"""
    CREATE UNLOGGED TABLE events AS
    SELECT n AS id, timestamp '2026-01-01' + n * interval '1 s' AS at, repeat(encode(
        sha512(int4send(n)) || sha512(int4send(-n)) || sha512('a' || int4send(n))
        || sha512('b' || int4send(n)), 'base64'), 3) AS note
    FROM generate_series(1, {ROWS}) n
"""
TASK = """
import sys
from pathlib import Path
import functions
from functions._process import registry
from shared.cli import main
from shared.storage.blobs import upload
upload._block_size = lambda number: upload.LATER_BLOCK
sys.argv[1:] = ["postgres_backup"]
code = main(registry(), functions.names())
status = Path("/proc/self/status").read_text()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))
raise SystemExit(code)
"""
"""`python -m functions postgres_backup`, with all blocks as large as a blob's are after its first
100 GB; and after the job the most KiB that the process had. Not `ru_maxrss`: that begins with what
the parent had."""


@pytest.fixture
def storage() -> Iterator[str]:
    """An Azurite of the test's own, with which its blob goes."""
    with scratch() as folder, local_azurite.start(folder) as running:
        yield running.connection_string


@pytest.fixture
def events(postgres: Postgres) -> Iterator[str]:
    """The URL of a database with that one table in it."""
    url = made(postgres, TABLE, name="large")
    try:
        yield url
    finally:
        execute(postgres.url("postgres"), "DROP DATABASE large WITH (FORCE)")


def taken(url: str, storage: str, postgres: Postgres, folder: Path) -> tuple[dict[str, Any], int]:
    """(the job of one run of the task, the most bytes of memory that its process had)."""
    values = {
        "AzureWebJobsStorage": storage,
        "POSTGRES_URL": url,
        "POSTGRES_BIN": str(postgres.bin),
        "BACKUP_ENCRYPTION_KEY": KEY.reveal(),
    }
    file = folder / "local.settings.json"
    file.write_text(json.dumps({"Values": values}))
    environ = {"BELFRY_LOCAL_SETTINGS": str(file), "MALLOC_ARENA_MAX": "2"}  # as the example has it
    command = [sys.executable, "-c", TASK]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    job, _, peak = done.stdout.rstrip().rpartition("\n")
    return json.loads(job), int(peak) * 1024


def test_a_table_of_1_gb_in_less_than_200_mb(
    events: str, storage: str, postgres: Postgres, tmp_path: Path
) -> None:
    assert int(column(events, "SELECT pg_table_size('events')")[0]) >= LEAST
    job, peak = taken(events, storage, postgres, tmp_path)
    (said,) = job["result"]["backups"]
    assert (job["status"], said["verified"]) == ("succeeded", True)
    assert peak < MOST_MEMORY
    assert scratch_databases(postgres) == []
    with ContainerClient.from_connection_string(storage, "backups") as container:
        check_stored(container, said)


def check_stored(container: ContainerClient, said: dict[str, Any]) -> None:
    """What lies there is what the job said, and is a whole dump of that size."""
    seal, blob = Seal(KEY), said["blob"]
    assert any(name.endswith(".verified.json") for name in container.list_blob_names())
    manifest = json.loads(seal.open(container.download_blob(f"{blob}.manifest.json").readall()))
    assert manifest["tables"] == {"public.events": ROWS}
    assert manifest["bytes"] == said["bytes"] > MOST_MEMORY
    assert manifest["uncompressed_bytes"] > LEAST
    sha256, zstd, size = hashlib.sha256(), ZstdDecompressor().decompressobj(), 0

    def pieces() -> Iterator[bytes]:
        for piece in container.download_blob(blob).chunks():
            sha256.update(piece)
            yield piece

    for chunk in seal.opening(pieces()):
        size += len(zstd.decompress(chunk))
    assert zstd.eof and size == manifest["uncompressed_bytes"]
    assert sha256.hexdigest() == manifest["sha256"] == said["sha256"]
