"""Delivers in processes that are killed, one at each step: `python killed.py STORAGE PORT URL
FOLDER`. Writes a JSON object: by its table, the step before which each was killed."""

from __future__ import annotations

import json
import os
import sys
from itertools import count
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from shared.clock import SystemClock  # noqa: E402
from tests.integration.kills.steps import END, Steps, watch  # noqa: E402
from tests.integration.webhooks.world import World  # noqa: E402


def deliver(storage: str, port: int, url: str, table: str, fatal: int, told: Path) -> None:
    """Deliver once, and be killed before the step of that number."""
    steps = Steps(fatal, told)
    world = World(storage, SystemClock(), table)
    world.known.add(url)
    watch(steps, [port])
    world.service.deliver(world.wanted(), world.stop)
    steps.reach(END)


def main(storage: str, port: str, url: str, folder: str) -> None:
    found: dict[str, str] = {}
    told = Path(folder) / "steps.json"
    for fatal in count(1):
        table = f"killed{fatal}"
        pid = os.fork()
        if pid == 0:
            deliver(storage, int(port), url, table, fatal, told)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        if status == 0:
            break
        assert os.WIFSIGNALED(status), status
        found[table] = json.loads(told.read_text())[-1]
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
