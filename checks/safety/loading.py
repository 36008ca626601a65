"""Loads the app of a folder as Azure's Python worker does, and says what the host would refuse.

python -m checks.safety.loading FOLDER

In a process of its own: an app can be indexed only once in one, and what other imports left behind
would hide what is missing. The last line of its output is JSON: the functions' names, and what is
wrong in words.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from local.host import rules, settings
from local.host.settings import CannotStart
from local.host.worker import Worker


async def load(folder: Path) -> dict[str, list[str]]:
    """The names of the functions, and what is wrong. Nothing is invoked, and no storage needed."""
    try:
        options = settings.read_host_json(folder, os.environ)
        functions = await Worker(None).load(folder)
    except CannotStart as error:
        return {"functions": [], "wrong": [str(error)]}
    wrong = rules.problems(functions, os.environ, options.route_prefix)
    return {"functions": [one.name for one in functions], "wrong": wrong}


if __name__ == "__main__":
    print("\n" + json.dumps(asyncio.run(load(Path(sys.argv[1])))), flush=True)
    os._exit(0)  # the library's threads would keep the process
