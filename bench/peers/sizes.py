"""How much of each is measured."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.peers import Killing, Mix


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """The default takes about half an hour on two cores."""

    dispatch: tuple[int, ...] = (1_000, 10_000)
    done: int = 2_000
    processes: tuple[int, ...] = (1, 3)
    rounds: int = 3
    """Of later occurrences."""
    idle: tuple[int, ...] = (100, 10_000, 100_000)
    per_second: int = 10
    seconds: int = 20
    mix: Mix = field(default_factory=Mix)
    crash: int = 2_000
    kills: int = 4
    seed: int = 20260514
    together: int = 500
    """Runs of which the requests are counted."""
    killing: Killing = field(default_factory=Killing)


QUICK = Sizes(
    dispatch=(500,),
    done=500,
    processes=(1,),
    rounds=1,
    idle=(1_000,),
    seconds=5,
    mix=Mix(seconds=5),
    crash=500,
    kills=1,
    killing=Killing(due=300, kills=2, every=1, brisk=True),
)
FULL = Sizes(done=10_000, seconds=60, crash=10_000, kills=20)
TINY = Sizes(
    dispatch=(120,),
    done=60,
    processes=(1, 2),
    rounds=1,
    idle=(200,),
    seconds=1,
    mix=Mix(long=16, long_seconds=4, seconds=1, apart=2, after=2),
    crash=60,
    kills=1,
    killing=Killing(due=200, job_seconds=0.5, kills=1, every=0.5, limit=60, brisk=True),
    together=100,
)
"""Tells nothing of speed, only that every measurement still works."""

CHOICES = {"": Sizes(), "--quick": QUICK, "--full": FULL, "--tiny": TINY}
