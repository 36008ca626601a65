"""One step, in a program of its own: `python -I -B __main__.py ORDER`, with the order as JSON.

What it says is one JSON object, in the file that the order names.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

STEPS = ("unpack", "ruff", "bandit", "secrets", "complexity", "locks")


def main(text: str) -> int:
    order = json.loads(text)
    sys.path.extend(order["path"])
    from shared.analysis.inside import confine

    confine.confine(order["parent"], order["limits"])
    step = importlib.import_module(order["step"])
    said = step.main(order)
    Path(order["out"]).write_text(json.dumps(said), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
