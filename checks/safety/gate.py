"""Part 4, the safety gate: five checks, of which each runs whatever the others find."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from checks.safety import critical, holes, licenses, locks, secrets
from checks.safety.finding import Check, Finding
from checks.safety.running import guarded


def checks(*, online: bool) -> Mapping[str, Check]:
    """Each with its name."""
    return {
        "critical files": critical.check,
        "lock files": locks.check,
        "secrets": secrets.check,
        "known holes": partial(holes.check, online=online),
        "licenses": licenses.check,
    }


def check(root: Path, *, online: bool = False) -> Iterator[Finding]:
    """All of them. `online`: what needs the internet must have reached it."""
    for name, one in checks(online=online).items():
        yield from guarded(name, one, root)
