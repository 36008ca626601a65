"""What a task's result says (P8): counts, money by currency, and in a dry run what would be done.

A result has a limit, so lists are cut; the counts are of all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

_LISTED = 30
_ERRORS = 20
_LONGEST = 300
"""Characters of an error."""


@dataclass(slots=True)
class Totals:
    """What a run has done so far."""

    counts: Counter[str] = field(default_factory=Counter)
    money: dict[str, Counter[str]] = field(default_factory=dict)
    """Minor units by name and currency."""
    errors: list[str] = field(default_factory=list)
    would: dict[str, list[Mapping[str, object]]] = field(default_factory=dict)
    """What would be done, the first of each sort; only in a dry run."""

    @classmethod
    def of(cls, *counts: str, money: tuple[str, ...] = ()) -> Totals:
        """Totals that have these names in the result, also if nothing was counted."""
        return cls(Counter(dict.fromkeys(counts, 0)), {name: Counter() for name in money})

    def pay(self, name: str, amounts: Mapping[str, int]) -> None:
        """Add amounts of money, by currency."""
        self.money[name].update(amounts)

    def list(self, sort: str, **what: object) -> None:
        """Note what would be done."""
        listed = self.would.setdefault(sort, [])
        if len(listed) < _LISTED:
            listed.append(what)

    def fail(self, text: str) -> None:
        """Note what went wrong for a tenant."""
        self.counts["total_errors"] += 1
        if len(self.errors) < _ERRORS:
            self.errors.append(text[:_LONGEST])

    def result(self, *, dry_run: bool) -> dict[str, object]:
        """The task's result."""
        found: dict[str, object] = {**self.counts}
        found |= {name: dict(amounts) for name, amounts in self.money.items()}
        found["errors"] = self.errors
        return found | ({"dry_run": True, "would": self.would} if dry_run else {})
