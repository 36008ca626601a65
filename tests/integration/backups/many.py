"""A process that takes many backups, as the host does: four at once, round after round.

Its settings are in its environment. It reads from its standard input what to do, and tells after
each round the bytes of memory that it has, each a JSON text of one line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import function_app
from functions._process import registry
from shared.backups.params import BackupPlan, VerifyOrder
from shared.backups.service import Backups
from shared.engine.work.threads import Threads
from shared.process import by_hand
from tests.context import job_of

AT_ONCE = 4


def resident() -> int:
    """Bytes of memory that this process has now."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def rounds(backups: Backups, plans: list[Mapping[str, Any]]) -> Iterator[None]:
    """Take them all, and prove one of them again, each time in plans of their own: one plan takes
    no second backup so soon."""
    hands = Threads("many")
    for number in count():
        left = list(enumerate(plans))

        def work(number: int = number, left: list[tuple[int, Any]] = left) -> None:
            while left:
                place, plan = left.pop()
                job = job_of(schedule_id=f"many-{number}-{place}")
                result: Any = backups.take(BackupPlan.model_validate(plan), job)
                if not place:
                    backups.verify(VerifyOrder(backup_id=result["backups"][0]["id"]), job)

        for hand in [hands.call(work) for _ in range(AT_ONCE)]:
            hand.result()
        yield


def main() -> None:
    """Do what was asked for."""
    order = json.loads(sys.stdin.readline())
    assert function_app.app  # all that the host has loaded
    backups = by_hand(registry()).backups()
    for _, _ in zip(range(order["rounds"]), rounds(backups, order["plans"]), strict=False):
        print(json.dumps(resident()), flush=True)


if __name__ == "__main__":
    main()
