"""What three companies pay a month in Azure: counts measured here, list prices (docs/cost.md).

`python -m bench.cost [--given] [--write] [--tiny]` from the root. `--given` takes the counts that
were kept and measures nothing; `--write` keeps the counts and writes the page anew.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.bills import measured, page, prices
from bench.bills.measured import Counts

_TICKS, _FEW = 20, 2


def main(arguments: list[str]) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--given", action="store_true", help="the counts that were kept")
    parser.add_argument("--write", action="store_true", help="keep the counts, write docs/cost.md")
    parser.add_argument("--tiny", action="store_true", help="whether it still works, no more")
    asked, _ = parser.parse_known_args(arguments)
    counts = measured.given() if asked.given else _measured(_FEW if asked.tiny else _TICKS)
    print("\n\n".join(page.shown(counts)))
    unsure = [one.what for one in prices.ALL if one.known is prices.Known.ASSUMED]
    print(f"\nassumed prices: {'; '.join(unsure)}")
    if asked.write:
        counts.save()
        kept = measured.given()  # as it was rounded
        page.PAGE.write_text(page.written(page.PAGE.read_text(), kept))


def _measured(ticks: int) -> Counts:
    from bench.bills import measuring

    return measuring.measured(ticks)


if __name__ == "__main__":
    main(sys.argv[1:])
