"""Delivers in processes that are killed, one at each step: `python killed.py STORAGE PORT URL
FOLDER`. Writes a JSON object: by its table, the step before which each was killed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from shared.clock import SystemClock  # noqa: E402
from tests.integration.kills.steps import END, Steps, killed_at_each, watch  # noqa: E402
from tests.integration.webhooks.world import World  # noqa: E402


def main(storage: str, port: str, url: str, folder: str) -> None:
    def deliver(fatal: int, steps: Steps) -> None:
        world = World(storage, SystemClock(), f"killed{fatal}")
        world.known.add(url)
        watch(steps, [int(port)])
        world.service.deliver(world.wanted(), world.stop)
        steps.reach(END)

    each = killed_at_each(deliver, Path(folder) / "steps.json")
    print(json.dumps({f"killed{fatal}": step for fatal, step in each}))


if __name__ == "__main__":
    main(*sys.argv[1:])
