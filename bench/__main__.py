"""`make bench`: each measurement in one run, as ratios.

Arguments go to every bench; `make bench ARGS=--tiny` tells only whether each still works. One that
fails does not keep the others from running, but the whole fails then.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main(arguments: list[str], folder: Path = Path(__file__).parent) -> int:
    """Run every bench of the folder, in order, or all at once if tiny; how many failed."""
    files = [file for file in sorted(folder.glob("*.py")) if not file.name.startswith("_")]
    run = _together if "--tiny" in arguments else _in_turn
    codes = run([[sys.executable, str(file), *arguments] for file in files])
    failed = [file.name for file, code in zip(files, codes, strict=True) if code]
    if failed:
        print(f"FAILED: {', '.join(failed)}", file=sys.stderr)
    return len(failed)


def _in_turn(commands: list[list[str]]) -> list[int]:
    codes = []
    for command in commands:
        codes.append(subprocess.run(command, check=False).returncode)
        print(flush=True)
    return codes


def _together(commands: list[list[str]]) -> list[int]:
    """What each prints is kept until it is over, so that they do not mix."""
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for command in commands]
    for one in running:
        print(one.communicate()[0].decode(), flush=True)
    return [one.returncode for one in running]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) > 0)
