"""The engines of workflows that `bench/workflows.py` shows beside Belfry, and what each is asked.

A step is the same for everyone: it writes one line that says when it began and ended (ledger.py),
and returns a small JSON. Every figure comes from those lines and from when a run was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from bench.peers import Absent

Shape = Literal["chain", "fan"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """Runs of one shape."""

    name: str
    """What the ids of its runs begin with."""
    shape: Shape
    width: int
    """Steps of a chain; of a fan those beside each other, and one before and one after them."""
    runs: int
    together: bool
    """All are asked for at once, and not each when the one before has ended."""

    @property
    def steps(self) -> int:
        """Of one run."""
        return self.width if self.shape == "chain" else self.width + 2

    def run(self, number: int) -> str:
        """The id of one of its runs."""
        return f"{self.name}-{number}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How much of each is measured."""

    chain: int = 10
    fan: int = 100
    chains: int = 30
    """That run one after the other."""
    fans: int = 5
    chains_together: int = 100
    fans_together: int = 5
    kill_after: int = 4
    """Steps of a chain that have ended when everything but the store is killed; 0: no kill."""
    tiny: bool = False

    @property
    def warm(self) -> list[Order]:
        """What runs first and is not counted."""
        return [
            Order(name="warm-c", shape="chain", width=self.chain, runs=2, together=True),
            Order(name="warm-f", shape="fan", width=self.fan, runs=1, together=False),
        ]

    @property
    def orders(self) -> list[Order]:
        """What is counted: each shape alone, and many at once."""
        return [
            Order(name="chain", shape="chain", width=self.chain, runs=self.chains, together=False),
            Order(
                name="chains",
                shape="chain",
                width=self.chain,
                runs=self.chains_together,
                together=True,
            ),
            Order(name="fan", shape="fan", width=self.fan, runs=self.fans, together=False),
            Order(name="fans", shape="fan", width=self.fan, runs=self.fans_together, together=True),
        ]


SIZES = {
    "full": Sizes(),
    "quick": Sizes(chains=10, fans=2, chains_together=20, fans_together=2),
    "tiny": Sizes(
        fan=10, chains=1, fans=1, chains_together=2, fans_together=1, kill_after=0, tiny=True
    ),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A run, as whoever asked for it saw it (Unix seconds)."""

    run: str
    asked: float
    ended: float


@dataclass(frozen=True, slots=True)
class Spent:
    """Processor time of all of an order's runs, in seconds."""

    engine: float
    """Of what starts runs and works on steps."""
    store: float
    """Of the servers beside it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of some orders."""

    runs: Sequence[Asked]
    spent: Mapping[str, Spent]
    """By the order's name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Killed:
    """What became of a chain when everything but the store was killed with -9, and came again."""

    steps: int
    done: int
    """Steps that have ended at last; all, if the run went on by itself."""
    repeated: int
    """Finished steps that ran again: at most the last, if it was not stored yet."""
    seconds: float
    """From the start after the kill until the last step had ended."""


class Engine(Protocol):
    """An engine that can be measured."""

    @property
    def ledger(self) -> Path:
        """The file of its steps, once it is prepared."""
        ...

    @property
    def name(self) -> str:
        """With its version and its store."""
        ...

    @property
    def setting(self) -> str:
        """How it is set up, in one line."""
        ...

    @property
    def persists(self) -> str:
        """What is in the store of a step before the next begins, in one line."""
        ...

    def prepare(self, folder: Path) -> Absent | None:
        """Install and start what it needs in `folder`; `Absent` when that cannot be had."""
        ...

    def measure(self, orders: Sequence[Order]) -> Measured | Absent:
        """Carry out the orders, one after the other. Steps are in the `ledger` then."""
        ...

    def kill(self, width: int, after: int) -> Killed | Absent:
        """Kill -9 in the middle of a chain of slow steps, and start again."""
        ...

    def close(self) -> None:
        """End what `prepare` started."""
        ...
