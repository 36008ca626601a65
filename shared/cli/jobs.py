"""`python -m functions jobs`: the index from which lists of jobs and statistics are answered. It is
compared with the jobs' rows, or made anew from them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from shared import settings
from shared.cli import typed
from shared.cli.typed import Typed
from shared.errors import Invalid
from shared.process import by_hand
from shared.tasks import Registry

NAME = "jobs"


def main(asked: Typed, tasks: Registry) -> int:
    """The exit code: 1 if `check` found something to repair, else 0. Raises `BelfryError`."""
    if asked.help:
        sys.stdout.write(typed.help_of(None))
        return 0
    if asked.parameters not in (("check",), ("reindex",)):
        text = f"write `python -m functions {NAME} check`, or `... {NAME} reindex`"
        raise Invalid("parameters", text)
    settings.load_local(Path("local.settings.json"))
    belfry = by_hand(tasks)
    if asked.parameters == ("check",):
        checked = belfry.jobs.check(_go_on)
        if not checked.good:
            belfry.packing.rebuild(_go_on)
        sys.stdout.write(json.dumps(checked.result(), indent=2) + "\n")
        return 0 if checked.good else 1
    sys.stdout.write(json.dumps(belfry.packing.rebuild(_go_on).result(), indent=2) + "\n")
    return 0


def _go_on() -> None:
    """Nobody stops it but Ctrl-C: killed anywhere, it leaves the index as it was."""
