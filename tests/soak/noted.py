"""What the hosts noted, read at the end: attempts, from when to when, and effects."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from shared.schedules.job import parse_id


@dataclass(slots=True)
class Attempt:
    """One start of a job's task, as its host noted it; times in the fast clock's seconds."""

    job: str
    number: int
    began: float
    pid: int
    ended: float | None = None
    """When the engine or the task was done with it; None if it was killed or abandoned."""
    lease: float = 0.0
    trace: str | None = None
    """The id of the trace that its span belongs to."""

    @property
    def until(self) -> float:
        """From when on another may run in its place: when it ended, or its lease. One that hangs
        goes on after that, and nothing can end it."""
        if self.ended is None:
            return self.lease
        return min(self.ended, self.lease) if self.lease else self.ended

    def __str__(self) -> str:
        end = "killed" if self.ended is None else f"to {self.ended:.0f}"
        return f"{self.job}#{self.number} from {self.began:.0f} {end} lease {self.lease:.0f}"


@dataclass(slots=True)
class Noted:
    """What the hosts noted."""

    attempts: dict[tuple[str, int], Attempt] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    """Attempts that were started more than once."""
    effects: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    """Effects that were there already; of some of them, whoever had made them was killed before it
    noted that."""
    up: list[float] = field(default_factory=list)
    """When hosts were ready to work, in the fast clock's seconds."""

    @staticmethod
    def read(file: Path) -> Noted:
        made = Noted()
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        leases: dict[tuple[str, int], float] = {}
        for line in lines:
            if line["kind"] == "lease":
                key = line["job"], line["attempt"]
                leases[key] = max(line["until"], leases.get(key, 0.0))
        for line in lines:
            made._add(line, leases)
        return made

    def _add(self, line: dict[str, Any], leases: dict[tuple[str, int], float]) -> None:
        key = line["job"], line["attempt"]
        match line["kind"]:
            case "start":
                if key in self.attempts:
                    self.twice.append(f"{key[0]}#{key[1]}")
                lease = leases.get(key, 0.0)
                self.attempts[key] = Attempt(
                    *key, line["at"], line["pid"], lease=lease, trace=line["trace"]
                )
            case "end" | "over" if key in self.attempts:
                attempt = self.attempts[key]
                attempt.ended = attempt.ended or line["at"]
            case "effect":
                self.effects[line["job"]] += 1
            case "effect_refused":
                self.refused[line["job"]] += 1
            case "up":
                self.up.append(line["at"])

    @property
    def taken_over(self) -> int:
        """Attempts after one that was killed."""
        before = (self.attempts.get((job, number - 1)) for job, number in self.attempts)
        return sum(one is not None and one.ended is None for one in before)

    def beside(self, exempt: Iterable[str]) -> Iterator[str]:
        """Attempts of one job, or of one schedule that lets none overlap, that ran at once."""
        jobs: dict[str, list[Attempt]] = defaultdict(list)
        schedules: dict[str, list[Attempt]] = defaultdict(list)
        for attempt in self.attempts.values():
            jobs[attempt.job].append(attempt)
            schedules[parse_id(attempt.job)[0]].append(attempt)
        for name in exempt:
            schedules.pop(name, None)
        for group in (*jobs.values(), *schedules.values()):
            group.sort(key=lambda attempt: attempt.began)
            for first, second in pairwise(group):
                if second.began < first.until:
                    yield f"{second} beside {first}"
