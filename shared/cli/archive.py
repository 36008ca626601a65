"""`python -m functions archive`: what the archive of jobs holds, and whether its files are
whole."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from shared import settings
from shared.cli import typed
from shared.cli.typed import Typed
from shared.errors import Invalid
from shared.process import by_hand
from shared.storage.blobs.stream import go_on
from shared.tasks import Registry

if TYPE_CHECKING:
    from shared.archive.service import JobArchive

NAME = "archive"
_HOW = f"write `python -m functions {NAME} status` or `python -m functions {NAME} verify`"


def main(asked: Typed, tasks: Registry) -> int:
    """The exit code: 0 if all is well, 1 if a file is damaged or missing. Raises `BelfryError`."""
    if asked.help:
        sys.stdout.write(typed.help_of(None))
        return 0
    act = _ACTS.get(asked.parameters[0]) if len(asked.parameters) == 1 else None
    if act is None:
        raise Invalid("parameters", _HOW)
    settings.load_local(Path("local.settings.json"))
    return act(by_hand(tasks).archive())


def _status(archive: JobArchive) -> int:
    parts = archive.parts()
    _say(
        {
            "files": len(parts),
            "jobs": sum(part.count for part in parts),
            "bytes": sum(part.size for part in parts),
            "first_day": str(parts[0].place.day) if parts else None,
            "last_day": str(parts[-1].place.day) if parts else None,
            "containers": sorted({part.container for part in parts}),
        }
    )
    return 0


def _verify(archive: JobArchive) -> int:
    """A line for each file that is not as it should be, and then the counts."""
    counts: Counter[str] = Counter()
    jobs = 0
    for one in archive.findings(go_on):
        counts[one.state] += 1
        jobs += one.jobs if one.good else 0
        if not one.good:
            sys.stdout.write(json.dumps(dataclasses.asdict(one), ensure_ascii=False) + "\n")
    _say({"files": counts.total(), "jobs": jobs, **counts})
    return 1 if counts["damaged"] or counts["missing"] else 0


def _say(facts: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(facts, indent=2) + "\n")


_ACTS: dict[str, Callable[[JobArchive], int]] = {"status": _status, "verify": _verify}
