"""What the jobs did, as they wrote it themselves: one line a run, appended in one write.

A line is `schedule due at`, all of fixed width, so that a file's size is its count; a program that
is killed leaves whole lines behind, because the kernel appends each at once.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.peers import Absent, Lateness, Mix

WIDTH = len("000000 0000000000.000000 0000000000.000000\n")
_LOOK = 0.005


@dataclass(frozen=True, slots=True)
class Run:
    """One job that ran."""

    schedule: int
    due_at: float
    at: float


@dataclass(frozen=True, slots=True)
class Ledger:
    """A file of runs."""

    path: Path

    @property
    def long(self) -> Ledger:
        """Where long jobs write, each when it starts."""
        return Ledger(self.path.with_name(f"{self.path.name}.long"))

    def clear(self) -> None:
        """Forget all runs."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(b"")
        self.long.path.write_bytes(b"")

    def __len__(self) -> int:
        return self.path.stat().st_size // WIDTH

    def runs(self) -> list[Run]:
        """In the order they were written."""
        rows = (line.split() for line in self.path.read_text().splitlines())
        return [Run(int(schedule), float(due), float(at)) for schedule, due, at in rows]

    def lost_and_doubled(self, n: int) -> tuple[int, int]:
        """Of schedules 0 to n-1: how many never ran, and how many ran more than once."""
        counts = Counter(run.schedule for run in self.runs())
        return n - len(counts), sum(count > 1 for count in counts.values())

    def wait(self, count: int, limit: float, *writers: subprocess.Popen[bytes]) -> bool:
        """Until so many runs are written; false when not in time, or when a writer ended."""
        deadline = time.monotonic() + limit
        while len(self) < count:
            if time.monotonic() > deadline or any(one.poll() is not None for one in writers):
                return False
            time.sleep(_LOOK)
        return True

    def settle(
        self,
        quiet: float,
        limit: float,
        over: Callable[[], bool],
        *writers: subprocess.Popen[bytes],
    ) -> bool:
        """Until `over` and nothing was written for `quiet` seconds.

        False when that is not in time, or when a writer ended.
        """
        begin = changed = time.monotonic()
        size = len(self)
        while (now := time.monotonic()) - begin < limit:
            if any(one.poll() is not None for one in writers):
                return False
            if len(self) != size:
                size, changed = len(self), now
            elif now - changed > quiet and over():
                return True
            time.sleep(0.05)
        return False

    def lateness(self, per_second: int, due: int, note: str = "") -> Lateness:
        """How late the runs were. At least one did run."""
        late = sorted((run.at - run.due_at) * 1000 for run in self.runs())
        return Lateness(
            per_second=per_second,
            due=due,
            ran=len(late),
            p50_milliseconds=statistics.median(late),
            p99_milliseconds=late[min(len(late) - 1, int(len(late) * 0.99))],
            max_milliseconds=late[-1],
            note=note,
        )

    def mixed(self, mix: Mix, begin: float) -> Lateness | Absent:
        """How late the short runs were, of which the first was due at `begin`."""
        due = mix.per_second * mix.seconds
        begun = sum(run.at <= begin for run in self.long.runs())
        beside = "" if begun == mix.long else f"{begun} of {mix.long} long jobs were under way"
        if not len(self):
            return Absent(why="; ".join(filter(None, ("no short job ran", beside))))
        return self.lateness(mix.per_second, due, beside)
