"""What a parse and a next occurrence cost: ours, cronsim's, croniter's and dateutil's, in one run.

Cold is what a text costs that was never seen before: the caches of what was parsed are emptied
before each call, and their emptying is part of the figure, as is making the `Recurrence`. Warm is
every later call. Zones are warm for all, as `ZoneInfo` keeps them. Each gets the time as it is made
to take it: ours an instant in UTC, the others a local time. Best of several rounds, so that a busy
machine does not decide. Run from the root: `python bench/recurrence.py`.
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
from dateutil.rrule import rrulestr

from shared.recurrence import Frequency, Recurrence, count_runs, next_run, resolve, rrule
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
    ("0 12 LW * *", "Europe/Paris"),
    ("0 12 * * 1#2", "Europe/Paris"),
    ("0 12 * * 5L", "Europe/Paris"),
]
BEGUN = datetime(2024, 1, 2, 9)
RULES = [
    "FREQ=DAILY;INTERVAL=3",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH",
    "FREQ=MONTHLY;BYDAY=-1FR",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
    "FREQ=YEARLY;BYMONTH=3;BYDAY=2SU",
    "FREQ=HOURLY;INTERVAL=5",
    "FREQ=MINUTELY;INTERVAL=7;BYHOUR=9,10",
    "FREQ=DAILY;COUNT=2000",
]
SEVERAL = [
    (("0 9 * * 1-5", "30 14 * * 6"), ()),
    (("0 9 * * 1-5", "30 14 * * 6", "0 12 LW * *", "0 0 1 1,7 *"), ()),
    (("0 9 * * 1-5",), ("* * 24-26 12 *",)),
    (("*/5 * * * *",), ("* 0-6 * * *", "* * * * 0,6")),
]


@dataclass(frozen=True, slots=True)
class Rounds:
    """How often a call is timed."""

    count: int = 7
    seconds: float = 0.025
    """Of one round, about."""
    first: int = 50
    """Calls of the first round."""

    def microseconds(self, call: Callable[[], object]) -> float:
        """The best average over the rounds."""
        best = float("inf")
        times = self.first
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
    """Ours cold, ours warm, cronsim, croniter, which knows neither LW nor 5L; all from the text."""
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
    known = croniter.is_valid(expression)
    found = [rounds.microseconds(call) for call in (cold, ours, sim)]
    return found[0], found[1], found[2], rounds.microseconds(iter_) if known else float("nan")


def forget() -> None:
    for cached in (parse, rrule.parse, resolve.named, resolve.repeated, resolve.rule_end):
        cached.cache_clear()


def costs(rule: Callable[[], Recurrence], rounds: Rounds) -> tuple[float, float, float]:
    """Cold, warm, and the count of ten years in milliseconds."""

    def ours() -> object:
        return next_run(rule(), AFTER)

    def cold() -> object:
        forget()
        return ours()

    ten_years = AFTER.replace(year=AFTER.year + 10)
    count = rounds.microseconds(lambda: count_runs(rule(), AFTER, ten_years))
    return rounds.microseconds(cold), rounds.microseconds(ours), count / 1000


def rules(rounds: Rounds) -> None:
    zone = ZoneInfo("Europe/Berlin")
    local = AFTER.astimezone(zone).replace(tzinfo=None)
    print("\nRules that began on 2024-01-02, in Europe/Berlin; the count of ten years in ms.\n")
    print(f"{'rule':48}{'cold':>8}{'warm':>8}{'dateutil':>10}{'count':>8}")
    for text in RULES:

        def rule(text: str = text) -> Recurrence:
            return Recurrence(
                frequency=Frequency.RRULE, rrule=text, start_local=BEGUN, timezone=zone.key
            )

        def theirs(text: str = text) -> object:
            return rrulestr(text, dtstart=BEGUN).after(local)

        found = theirs()
        assert isinstance(found, datetime)
        assert found.replace(tzinfo=zone).astimezone(UTC) == next_run(rule(), AFTER)
        cold, warm, count = costs(rule, rounds)
        dateutil = rounds.microseconds(theirs)
        print(f"{text:48}{cold:8.1f}{warm:8.1f}{dateutil:10.1f}{count:8.2f}")


def several(rounds: Rounds) -> None:
    zone = ZoneInfo("Europe/Berlin")
    local = AFTER.astimezone(zone)
    print("\nSeveral expressions, in Europe/Berlin; cronsim: the earliest of each.\n")
    print(f"{'expressions':58}{'cold':>8}{'warm':>8}{'cronsim':>10}{'count':>8}")
    for named, excluded in SEVERAL:

        def rule(
            named: tuple[str, ...] = named, excluded: tuple[str, ...] = excluded
        ) -> Recurrence:
            return Recurrence(
                frequency=Frequency.CRON,
                cron_expressions=named,
                exclude_cron_expressions=excluded,
                timezone=zone.key,
                stored=True,
            )

        def theirs(named: tuple[str, ...] = named) -> object:
            return min(next(CronSim(each, local)) for each in named)

        cold, warm, count = costs(rule, rounds)
        sim = rounds.microseconds(theirs)
        text = "; ".join(named) + (f" without {'; '.join(excluded)}" if excluded else "")
        print(f"{text:58.57}{cold:8.1f}{warm:8.1f}{sim:10.1f}{count:8.2f}")


def main(*, tiny: bool = False) -> None:
    rounds = Rounds(1, 0, 1) if tiny else Rounds()
    print("Microseconds for a parse and a next occurrence (warm: already parsed).\n")
    heads = ("expression", "zone", "cold", "warm", "cronsim", "croniter", "cold/cronsim")
    print("{:26}{:21}{:>7}{:>7}{:>9}{:>10}{:>14}".format(*heads))
    for expression, zone in CASES:
        cold, warm, sim, iter_ = measure(expression, zone, rounds)
        print(
            f"{expression:26}{zone:21}{cold:7.1f}{warm:7.1f}{sim:9.1f}{iter_:10.1f}"
            f"{cold / sim:14.2f}"
        )
    rules(rounds)
    several(rounds)


if __name__ == "__main__":
    main(tiny="--tiny" in sys.argv)
