"""`make safety`: the four parts, each whatever the others find; 1 if any found a problem.

python -m checks.safety [--online] [lint|build|syntax|gate ...]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from checks.safety import build, gate, lint, syntax
from checks.safety.finding import Check, Note, Problem
from checks.safety.running import guarded

_TITLES = {
    "lint": "front-end lint",
    "build": "front-end build",
    "syntax": "back-end syntax",
    "gate": "safety gate",
}


def parts(*, online: bool) -> dict[str, Check]:
    """Each part with its title."""
    checks: Mapping[str, Check] = {
        "lint": lint.check,
        "build": build.check,
        "syntax": syntax.check,
        "gate": partial(gate.check, online=online),
    }
    return {_TITLES[name]: check for name, check in checks.items()}


def run(checks: Mapping[str, Check], root: Path) -> bool:
    """Run each and print what it finds; whether all passed."""
    failed: dict[str, int] = {}
    for title, check in checks.items():
        print(f"== {title}", flush=True)
        begun = time.monotonic()
        problems = _told(title, check, root)
        print(f"   {'FAILED' if problems else 'passed'} in {time.monotonic() - begun:.1f} s")
        if problems:
            failed[title] = problems
    print("== summary")
    for title in checks:
        said = f"FAILED, problems: {failed[title]}" if title in failed else "passed"
        print(f"   {title}: {said}")
    print(f"   {'Nothing may be deployed.' if failed else 'All parts passed.'}", flush=True)
    return not failed


def _told(title: str, check: Check, root: Path) -> int:
    """Print what the check finds; how many problems."""
    problems = 0
    for found in guarded(title, check, root):
        if isinstance(found, Note):
            print(f"   {found.text}")
        else:
            problems += isinstance(found, Problem)
            print(f"   PROBLEM {found.what}\n           -> {found.do}", flush=True)
    return problems


def main(arguments: list[str]) -> int:
    """The process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m checks.safety")
    parser.add_argument("--online", action="store_true", help="the internet must be reached")
    parser.add_argument("part", nargs="*", choices=[*_TITLES, []], help="only these parts")
    given = parser.parse_args(arguments)
    wanted = [_TITLES[name] for name in given.part or _TITLES]
    checks = parts(online=given.online)
    return 0 if run({title: checks[title] for title in wanted}, Path.cwd()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
