"""The process that is killed: it does one sync. `WHAT` says which, as JSON."""

from __future__ import annotations

import json
import os

from shared.sync import running
from tests.integration.sync.world import made


def main() -> None:
    what = json.loads(os.environ["WHAT"])
    running.EVERY = what["every"]
    world = made(what["world"], what["kill"])
    print(json.dumps(world.run(attempt=what["attempt"], **what["plan"])))


if __name__ == "__main__":
    main()
