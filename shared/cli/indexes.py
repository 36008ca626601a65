"""`python -m functions schedules` and `python -m functions jobs`: the indexes from which lists and
statistics are answered. Each is compared with the rows themselves, or made anew from them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from shared import settings
from shared.app import App
from shared.audit.port import Action, Subject
from shared.cli import typed
from shared.cli.person import person
from shared.cli.typed import Typed
from shared.errors import Invalid
from shared.listing.checking import Checking
from shared.listing.upkeep import Upkeep
from shared.process import by_hand
from shared.tasks import Registry

NAMES = ("schedules", "jobs")

Did: TypeAlias = tuple[Mapping[str, object], bool]
"""What was found or made, as a document; whether nothing had to be repaired."""


def main(asked: Typed, tasks: Registry) -> int:
    """The exit code: 1 if `check` found something to repair, else 0. Raises `BelfryError`."""
    if asked.help:
        sys.stdout.write(typed.help_of(None))
        return 0
    act = _ACTS.get((asked.task or "", *asked.parameters))
    if act is None:
        name = asked.task
        text = f"write `python -m functions {name} check`, or `... {name} reindex`"
        raise Invalid("parameters", text)
    settings.load_local(Path("local.settings.json"))
    belfry = by_hand(tasks)
    subject = Subject("index", asked.task or "")
    with belfry.audit.changing(person(), Action.CHANGE, subject) as change:
        found, good = act(belfry)
        change.after = {"asked": asked.parameters[0], **found}
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 0 if good else 1


def check_schedules(belfry: App) -> Did:
    """Compare the index of schedules with their rows, and repair what differs."""
    checked = Checking(belfry.listing, belfry.meta).all(_go_on)
    return checked.result(), not checked.repaired


def _reindex_schedules(belfry: App) -> Did:
    return Upkeep(belfry.listing).rebuild(_go_on).result(), True


def check_jobs(belfry: App) -> Did:
    """Compare the index of jobs with their rows; if they differ, it is made anew."""
    checked = belfry.jobs.check(_go_on)
    if not checked.good:
        belfry.packing.rebuild(_go_on)
    return checked.result(), checked.good


def _reindex_jobs(belfry: App) -> Did:
    return belfry.packing.rebuild(_go_on).result(), True


def _go_on() -> None:
    """Nobody stops it but Ctrl-C: killed anywhere, the index is as it was, or the next upkeep goes
    on."""


_ACTS: Mapping[tuple[str, ...], Callable[[App], Did]] = {
    ("schedules", "check"): check_schedules,
    ("schedules", "reindex"): _reindex_schedules,
    ("jobs", "check"): check_jobs,
    ("jobs", "reindex"): _reindex_jobs,
}
