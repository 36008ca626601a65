"""The written exceptions of the safety gate, each with its reason: `exceptions.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = "checks/safety/exceptions.toml"


@dataclass(frozen=True, slots=True)
class Exceptions:
    """What the gate lets pass."""

    stated: dict[str, str]
    """Packages whose metadata names no licence -> the licence (SPDX) that their own file states."""
    licenses: dict[str, str]
    """Packages whose licence is not among those that always pass -> why they may be used."""
    holes: dict[str, str]
    """Ids of known holes -> why they do not matter here, and until when."""


def read(root: Path) -> Exceptions:
    """Those of the project in `root`."""
    found = tomllib.loads((root / FILE).read_text())
    return Exceptions(**{name: found.get(name, {}) for name in ("stated", "licenses", "holes")})
