"""The check of what the infrastructure promises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from checks.bicep import Problem
from checks.infra import Infra, Promise, promises, read
from checks.outcome import Outcome


def check(root: Path) -> Outcome:
    """Raises `Misconfigured` for a file that cannot be read."""
    kept = promises(root)
    problems = (
        f"{one.path.relative_to(root)}:{one.line}: {one.message}"
        for one in broken(read(root), kept)
    )
    return Outcome(f"{len(kept)} promises", tuple(problems))


def broken(infra: Infra, kept: Iterable[Promise]) -> Iterator[Problem]:
    """Whatever breaks these promises."""
    for promise in kept:
        yield from promise.broken_by(infra)
