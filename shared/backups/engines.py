"""All engines. Each folder here that has a module `engine` is one."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import Conflict
from shared.text import those

if TYPE_CHECKING:
    from shared.backups.engine import Engine


@functools.cache
def engines() -> Mapping[str, Engine]:
    """The engines, by their names. Imports nothing that only backups of one kind need."""
    folders = sorted(file.parent.name for file in Path(__file__).parent.glob("*/engine.py"))
    found: list[Engine] = [import_module(f"shared.backups.{one}.engine") for one in folders]
    return {one.name: one for one in found}


def schemes() -> tuple[str, ...]:
    """What the URL of a database may begin with."""
    return tuple(scheme for one in engines().values() for scheme in one.schemes)


def engine_of(name: str) -> Engine:
    """The engine that manifests call by that name. Raises `Conflict` if this version has none."""
    found = engines().get(name)
    if found is None:
        raise Conflict(
            f"the backup is of the engine {name!r:.60}, which this version of Belfry does not have "
            f"({those(engines())}); use the version that took it, or a later one"
        )
    return found
