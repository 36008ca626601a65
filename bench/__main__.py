"""`make bench`: each measurement in one run, as ratios."""

from __future__ import annotations

import runpy
from pathlib import Path


def main() -> None:
    """Run every bench of this folder, in order."""
    for file in sorted(Path(__file__).parent.glob("*.py")):
        if not file.name.startswith("_"):
            runpy.run_path(str(file), run_name="__main__")
            print()


if __name__ == "__main__":
    main()
