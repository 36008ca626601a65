"""One file a function: the folder's listing is the list of what runs.

`discover()` imports every module here, in order and loudly: one that cannot be imported stops
the app, instead of silently leaving its function out.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

from shared.tasks.model import Task


def discover() -> Iterator[ModuleType]:
    """Every module of this package, by name."""
    for found in sorted(pkgutil.iter_modules(__path__), key=lambda found: found.name):
        if not found.name.startswith("_"):
            yield importlib.import_module(f"{__name__}.{found.name}")


def tasks() -> Iterator[Task]:
    """Every task defined in these modules."""
    for module in discover():
        yield from (value for value in vars(module).values() if isinstance(value, Task))
