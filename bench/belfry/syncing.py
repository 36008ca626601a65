"""One copy of a container in a process of its own: `syncing.py NAME CONNECTION NUMBER`.

It prints how long it took, the memory that it took, and the requests that it sent. `run` starts it.
By hand: what one would type, a loop over the SDK that lists, downloads and uploads.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from azure.storage.blob import BlobServiceClient

from bench.backup.one import peak_of
from shared.resources.targets import TargetKind
from tests.integration.sync.world import Plain, World

_MB = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """What a copy took. `copied`: the blobs that were written. `more`: MB beside what the process
    had before."""

    seconds: float
    processor: float
    more: float
    requests: int
    copied: int


def run(name: str, connection: str, number: int) -> Ran:
    """One copy. `number`: which run of the sync it is. Raises `RuntimeError` if it fails."""
    command = [sys.executable, __file__, name, connection, str(number)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-4000:])
    return Ran(**json.loads(done.stdout.splitlines()[-1]))


def by_hand(connection: str, reach: Plain) -> int:
    """The loop; how many blobs it copied."""
    import threading

    sent = reach.transport(threading.Event())
    account = BlobServiceClient.from_connection_string(connection, transport=sent)
    source, copy = (account.get_container_client(name) for name in ("source", "byhand"))
    count = 0
    for blob in source.list_blobs():
        data = source.download_blob(blob.name).readall()
        copy.upload_blob(blob.name, data, overwrite=True)
        count += 1
    return count


def sync(connection: str, reach: Plain, number: int) -> int:
    """The task's own way."""
    world = World(connection, "bench", reach=reach)
    world.place("a", TargetKind.CONTAINER, container="source")
    world.place("b", TargetKind.CONTAINER, container="copy")
    copied = world.run(number, source_id="a", destination_id="b")["copied"]
    assert isinstance(copied, int)
    return copied


def main(name: str, connection: str, number: str) -> None:
    """Copy once, and print what it took."""
    reach = Plain()
    before, processor, begin = peak_of(os.getpid()), time.process_time(), time.perf_counter()
    copied = (
        by_hand(connection, reach) if name == "by_hand" else sync(connection, reach, int(number))
    )
    said = {
        "seconds": time.perf_counter() - begin,
        "processor": time.process_time() - processor,
        "more": (peak_of(os.getpid()) - before) / _MB,
        "requests": reach.requests,
        "copied": copied,
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
