"""Runs a check so that whatever goes wrong in it is a finding, and the next one runs."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

from checks.safety.finding import Check, CouldNotRun, Finding, Problem


def guarded(name: str, check: Check, root: Path) -> Iterator[Finding]:
    """What it finds; that it could not run is a problem, too."""
    try:
        yield from check(root)
    except CouldNotRun as error:
        yield Problem(f"{name} could not run", str(error))
    except Exception:  # a check that crashed has not passed, and must not hide the others
        yield Problem(f"{name} crashed", "mend the check:\n" + traceback.format_exc())
