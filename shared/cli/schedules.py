"""`python -m functions schedules`: the index from which lists of schedules are answered. It is
compared with the schedules themselves, or made anew from them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from shared import settings
from shared.app import App
from shared.cli import typed
from shared.cli.typed import Typed
from shared.errors import Invalid
from shared.listing.checking import Checking
from shared.listing.upkeep import Upkeep
from shared.process import by_hand
from shared.tasks import Registry

NAME = "schedules"


def main(asked: Typed, tasks: Registry) -> int:
    """The exit code: 1 if `check` found something to repair, else 0. Raises `BelfryError`."""
    if asked.help:
        sys.stdout.write(typed.help_of(None))
        return 0
    act = _ACTS.get(" ".join(asked.parameters))
    if act is None:
        text = f"write `python -m functions {NAME} check`, or `... {NAME} reindex`"
        raise Invalid("parameters", text)
    settings.load_local(Path("local.settings.json"))
    found = act(by_hand(tasks))
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 1 if found.get("repaired") else 0


def _check(belfry: App) -> Mapping[str, object]:
    return Checking(belfry.listing, belfry.meta).all(_go_on).result()


def _reindex(belfry: App) -> Mapping[str, object]:
    return Upkeep(belfry.listing).rebuild(_go_on).result()


def _go_on() -> None:
    """Nobody stops it but Ctrl-C: killed anywhere, the next upkeep goes on."""


_ACTS = {"check": _check, "reindex": _reindex}
