"""python -m checks [NAME ...]: the checks of these names; without names all that are quick.

Prints one line for a check that found nothing, else every problem. Exits 1 if there is one.
"""

import importlib
import sys
from pathlib import Path

from checks.outcome import Outcome

ROOT = Path(__file__).parents[1]

QUICK = {
    "bicep": "checks.bicep.check",
    "infra": "checks.infra.check",
}
"""The module of each check: its `check(root: Path) -> Outcome` looks at the project in `root`."""


def main(names: list[str]) -> int:
    if unknown := [name for name in names if name not in QUICK]:
        print(f"there is no check {', '.join(unknown)}; there are {', '.join(QUICK)}")
        return 2
    return max([_run(name) for name in names or QUICK])


def _run(name: str) -> int:
    outcome: Outcome = importlib.import_module(QUICK[name]).check(ROOT)
    for problem in outcome.problems:
        print(problem)
    count = len(outcome.problems)
    print(f"{name}: {outcome.looked_at}: {f'{count} problems' if count else 'nothing found'}")
    return 1 if outcome.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
