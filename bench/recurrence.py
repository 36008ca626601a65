"""What a parse and a next occurrence cost: ours, cronsim's and croniter's, in one run.

Cold is what an expression costs that was never seen before: the cache of parsed expressions is
emptied before each call, and its emptying is part of the figure, as is making the `Recurrence`.
Warm is every later call. Zones are warm for all, as `ZoneInfo` keeps them. Each gets the time as it
is made to take it: ours an instant in UTC, the other two a local time. Best of several rounds, so
that a busy machine does not decide. Run from the root: `python bench/recurrence.py`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from croniter import croniter
from cronsim import CronSim

from shared.recurrence import Frequency, Recurrence, next_run
from shared.recurrence.cron import parse

AFTER = datetime(2026, 5, 14, 9, 26, 53, tzinfo=UTC)
CASES = [
    ("* * * * *", "UTC"),
    ("*/5 * * * *", "UTC"),
    ("0 * * * *", "Asia/Kolkata"),
    ("0 6 * * *", "America/New_York"),
    ("30 2 * * *", "Europe/Berlin"),
    ("0 9 * * 1-5", "Europe/London"),
    ("0 9 * * MON-FRI", "Europe/London"),
    ("0 0 1 * *", "Australia/Lord_Howe"),
    ("0 0 * * 0", "America/Sao_Paulo"),
    ("0,15,30,45 8-18 1,15 * *", "Asia/Tokyo"),
    ("0 0 29 2 *", "UTC"),
    ("0 12 L * *", "Europe/Paris"),
    ("0 12 * * 1#2", "Europe/Paris"),
]


@dataclass(frozen=True, slots=True)
class Rounds:
    """How often a call is timed."""

    count: int = 7
    seconds: float = 0.025
    """Of one round, about."""

    def microseconds(self, call: Callable[[], object]) -> float:
        """The best average over the rounds."""
        best = float("inf")
        times = 50
        for _ in range(self.count):
            spent = _spent(call, times)
            best = min(best, spent / times)
            times = max(10, round(self.seconds / best))
        return best * 1e6


def _spent(call: Callable[[], object], times: int) -> float:
    begin = time.perf_counter()
    for _ in range(times):
        call()
    return time.perf_counter() - begin


def measure(expression: str, zone: str, rounds: Rounds) -> tuple[float, float, float, float]:
    """Ours cold, ours warm, cronsim, croniter; all from the text."""
    local = AFTER.astimezone(ZoneInfo(zone))

    def ours() -> object:
        rule = Recurrence(frequency=Frequency.CRON, cron_expression=expression, timezone=zone)
        return next_run(rule, AFTER)

    def cold() -> object:
        parse.cache_clear()
        return ours()

    def sim() -> object:
        return next(CronSim(expression, local))

    def iter_() -> object:
        return croniter(expression, local).get_next(datetime)

    assert next(CronSim(expression, local)).astimezone(UTC) == ours()
    found = [rounds.microseconds(call) for call in (cold, ours, sim, iter_)]
    return found[0], found[1], found[2], found[3]


def main(*, tiny: bool = False) -> None:
    rounds = Rounds(1, 0) if tiny else Rounds()
    print("Microseconds for a parse and a next occurrence (warm: already parsed).\n")
    heads = ("expression", "zone", "cold", "warm", "cronsim", "croniter", "cold/cronsim")
    print("{:26}{:21}{:>7}{:>7}{:>9}{:>10}{:>14}".format(*heads))
    for expression, zone in CASES:
        cold, warm, sim, iter_ = measure(expression, zone, rounds)
        print(
            f"{expression:26}{zone:21}{cold:7.1f}{warm:7.1f}{sim:9.1f}{iter_:10.1f}"
            f"{cold / sim:14.2f}"
        )


if __name__ == "__main__":
    main(tiny="--tiny" in sys.argv)
