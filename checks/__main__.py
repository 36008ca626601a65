"""python -m checks [NAME ...]: the checks of these names; without names all that are quick.

Prints one line for a check that found nothing, else every problem. Exits 1 if there is one.
"""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

from checks.outcome import Outcome

ROOT = Path(__file__).parents[1]

QUICK = {
    "bicep": "checks.bicep.check",
    "infra": "checks.infra.check",
    "monitoring": "checks.monitoring.check",
    "workflows": "checks.workflows",
}
"""The module of each check: its `check(root: Path) -> Outcome` looks at the project in `root`."""


def main(names: list[str]) -> int:
    if unknown := [name for name in names if name not in QUICK]:
        print(f"there is no check {', '.join(unknown)}; there are {', '.join(QUICK)}")
        return 2
    return max([_run(name) for name in names or QUICK])


def find(name: str) -> Callable[[Path], Outcome]:
    """The check of this name."""
    found: Callable[[Path], Outcome] = importlib.import_module(QUICK[name]).check
    return found


def _run(name: str) -> int:
    outcome = find(name)(ROOT)
    for problem in outcome.problems:
        print(problem)
    count = len(outcome.problems)
    said = f"{count} problem{'s' if count > 1 else ''}" if count else "nothing found"
    print(f"{name}: {outcome.looked_at}: {said}")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
