"""The customers of three projects, in one piece for the storm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from shared.app import App
from tests.soak.customers import rest
from tests.soak.customers.cast import Scheduled, keys, schedule
from tests.soak.customers.judged import Judge
from tests.soak.customers.place import Place, opened
from tests.soak.verdict import Rows
from tests.soak.world import Setup


@dataclass(slots=True)
class Customers:
    """What they scheduled, and the place that it reaches."""

    calm: App
    place: Place
    scheduled: Scheduled
    counts: Counter[str] = field(default_factory=Counter)
    late: list[str] = field(default_factory=list)

    def rest(self, setup: Setup) -> None:
        """Days pass. `setup`: of storage that does not fail."""
        self.late += rest.passes(setup, self.calm, self.place)

    def found(self, rows: Rows, file: Path) -> Mapping[str, object]:
        """The verdicts. `file`: what hosts noted."""
        judge = Judge(self.calm, self.scheduled, self.place, rows, file, self.counts)
        found = {
            "deliveries to webhooks": [*self.late, *judge.deliveries()],
            "health checks": list(judge.checks()),
            "items of batches": list(judge.batches()),
            "schedules that a batch ran": list(judge.runs()),
            "budgets": list(judge.budgets()),
            "mails of runs that ended": list(judge.mails()),
        }
        self.counts.update(self.place.counts)
        print(f"soak: customers {dict(sorted(self.counts.items()))}")
        return found

    def too_little(self) -> Iterator[str]:
        """What happened too seldom to prove anything."""
        return (
            f"{what}: {self.counts[what]} of {least}"
            for what, least in LEAST.items()
            if self.counts[what] < least
        )


@contextmanager
def customers(calm: App, setup: Setup) -> Iterator[Customers]:
    """They have scheduled everything; their place is open."""
    place = Place(keys(), calm.clock.now, setup.factor)
    with opened(place):
        yield Customers(calm, place, schedule(calm, setup.pace, place))


LEAST: Mapping[str, int] = {
    "deliveries": 20,
    "repeats": 8,
    "page down": 8,
    "results": 12,
    "changes": 4,
    "items": 100,
    "attempts of batches": 4,
    "jobs run by a batch": 3,
    "counted": 60,
    "refused by a budget": 1,
    "mails": 5,
}
"""How often each must happen at least."""
