"""What the benches of lists, jobs and metrics have in common: their sizes, an empty account, the
time that something takes, and a table with a column for each size."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from local import azurite


def choice(description: str | None, fewer: str) -> str:
    """`full`, `quick` or `tiny`: what the command line asks for. `fewer`: what `--quick` has."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help=fewer)
    parser.add_argument("--tiny", action="store_true", help="whether it still works, no more")
    arguments, _ = parser.parse_known_args()
    return "tiny" if arguments.tiny else "quick" if arguments.quick else "full"


@contextmanager
def account() -> Iterator[str]:
    """The connection string of a storage account of its own, which is empty."""
    with (
        tempfile.TemporaryDirectory(prefix="belfry-bench-", ignore_cleanup_errors=True) as name,
        azurite.start(Path(name), durable=False) as storage,
    ):
        yield storage.connection_string


def milliseconds(call: Callable[[], object]) -> float:
    """How long it takes."""
    begin = time.perf_counter()
    call()
    return (time.perf_counter() - begin) * 1000


def go_on() -> None:
    """Nobody stops it."""


def table(title: str, sizes: Sequence[int], found: Sequence[Mapping[str, float]]) -> None:
    """Print what was found, with a column for each size."""
    print(title.ljust(42) + "".join(f"{n:>11,}" for n in sizes))
    for what in found[0]:
        print(f"  {what:40}" + "".join(f"{one[what]:11.1f}" for one in found))
