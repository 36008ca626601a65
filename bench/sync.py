"""How fast `sync` copies a container, beside what one would type instead.

`python bench/sync.py [--quick | --tiny]` from the root. The blobs have 2 KB each. By hand: a loop
over Microsoft's client, which lists, downloads and uploads one blob after the other, whether it is
new or not. First everything is new, then nothing, then one blob in a hundred. Each is a process of
its own. Storage is Azurite, on the same machine and its two cores, so it takes most of the time of
both.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from azure.storage.blob import BlobServiceClient

from bench.belfry.measuring import account, choice
from bench.belfry.syncing import Ran, run

_SIZES = {"full": 10_000, "quick": 2_000, "tiny": 40}
_ONE_IN = 100


def write(connection: str, names: Iterator[str], text: bytes) -> None:
    """Blobs of the source."""
    source = BlobServiceClient.from_connection_string(connection).get_container_client("source")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: source.upload_blob(name, text * 512, overwrite=True), names))


def measured(size: str) -> Iterator[tuple[str, Ran]]:
    """(what, what it took) of each."""
    n = _SIZES[size]
    with account() as text:
        service = BlobServiceClient.from_connection_string(text)
        for name in ("source", "byhand", "copy"):
            service.create_container(name)
        write(text, (f"folder{number % 97}/{number:06}" for number in range(n)), b"old ")
        yield "by hand", run("by_hand", text, 0)
        yield "sync, all new", run("sync", text, 1)
        yield "sync, nothing new", run("sync", text, 2)
        few = range(0, n, _ONE_IN)
        write(text, (f"folder{number % 97}/{number:06}" for number in few), b"new ")
        yield "sync, 1 % new", run("sync", text, 3)


def main() -> None:
    """Print the table."""
    size = choice(__doc__, "fewer blobs")
    print(f"A container of {_SIZES[size]:,} blobs")
    print(
        f"  {'':20}{'copied':>9}{'s':>9}{'own s':>8}{'requests':>10}{'MB more':>9}{'by hand':>10}"
    )
    first = 0.0
    for name, ran in measured(size):
        first = first or ran.seconds
        print(
            f"  {name:20}{ran.copied:9,}{ran.seconds:9.1f}{ran.processor:8.1f}{ran.requests:10,}"
            f"{ran.more:9.0f}{first / ran.seconds:9.1f}x"
        )


if __name__ == "__main__":
    main()
