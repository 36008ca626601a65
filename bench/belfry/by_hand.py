"""What one would type to archive old jobs, with Microsoft's clients for tables and blobs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

import zstandard
from azure.data.tables import TableClient
from azure.storage.blob import ContainerClient

from shared.app import App
from shared.storage.names import Names

_DAYS = 90
_TOGETHER = 100


def archived(belfry: App, transport: Any) -> int:
    """Write the rows of jobs that ended more than ninety days ago into a blob for each partition,
    and remove them; how many."""
    text = belfry.settings.storage.connection_string.reveal()
    names = Names(belfry.settings.prefix)
    table = TableClient.from_connection_string(text, names.table, transport=transport)
    container = ContainerClient.from_connection_string(text, "by-hand", transport=transport)
    container.create_container()
    before = (belfry.clock.now() - timedelta(days=_DAYS)).date().isoformat()
    moved = 0
    with table, container:
        for shard in belfry.table.shards:
            where = f"PartitionKey eq '{shard}' and RowKey ge 'job:' and RowKey lt 'job;'"
            where += f" and finished_at lt '{before}'"
            keys: list[str] = []
            data = b"".join(_packed(table.query_entities(where), keys))
            container.upload_blob(shard, data)
            removing = iter(keys)
            while some := list(islice(removing, _TOGETHER)):
                steps = [("delete", {"PartitionKey": shard, "RowKey": key}) for key in some]
                table.submit_transaction(steps)
            moved += len(keys)
    return moved


def _packed(rows: Any, keys: list[str]) -> Iterator[bytes]:
    packing = zstandard.ZstdCompressor().compressobj()
    for row in rows:
        keys.append(row["RowKey"])
        yield packing.compress(json.dumps(row, default=str).encode() + b"\n")
    yield packing.flush()
