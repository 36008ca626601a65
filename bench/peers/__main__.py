"""`python -m bench.peers [--quick | --full | --tiny]`: the peers' own table, without Belfry."""

from __future__ import annotations

import sys
import time

from bench.peers import everyone, plan, table
from bench.peers.sizes import CHOICES, TINY


def main() -> None:
    """Measure every peer and print the table."""
    choice = sys.argv[1] if len(sys.argv) > 1 else ""
    if choice not in CHOICES:
        sys.exit("usage: python -m bench.peers [--quick | --full | --tiny]")
    sizes = CHOICES[choice]
    begin = time.monotonic()

    def tell(what: str) -> None:
        print(f"{time.monotonic() - begin:5.0f} s  {what}", file=sys.stderr, flush=True)

    peers = everyone(brisk=sizes is TINY)
    print(table.table([plan.measure(peer, sizes, tell=tell) for peer in peers]))
    print(f"measured with {sizes} in {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
