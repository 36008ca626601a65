"""One file for each function, in folders by kind of work. There is no other list of functions.

`discover()` imports every module here, in order. A module that cannot be imported stops the app, so
that its function is not silently left out. A file whose name begins with `_` is not a function.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType

from shared.tasks.model import Task


def discover() -> Iterator[ModuleType]:
    """Every module of this package that is a function, by name."""
    for name in _paths():
        yield importlib.import_module(name)


def tasks() -> Iterator[Task]:
    """Every task defined in these modules."""
    for module in discover():
        yield from (value for value in vars(module).values() if isinstance(value, Task))


def names() -> list[str]:
    """The names of all functions, and of the tasks that have none. Nothing is imported."""
    return sorted(name.rpartition(".")[2] for name in _paths())


def _paths() -> list[str]:
    rooms = [one.name for one in pkgutil.iter_modules(__path__) if one.ispkg]
    return sorted(
        f"{__name__}.{room}.{one.name}"
        for room in rooms
        for one in pkgutil.iter_modules([f"{path}/{room}" for path in __path__])
        if not one.name.startswith("_")
    )


def _refuse_a_file_as_a_command() -> None:
    """A task's file is not a program: run as one, it would do nothing and exit with 0."""
    words = sys.orig_argv
    if "-m" in words and words[words.index("-m") + 1].startswith(f"{__name__}."):
        name = words[words.index("-m") + 1].rpartition(".")[2]
        sys.stderr.write(f"write `python -m functions {name}`\n")
        raise SystemExit(2)


_refuse_a_file_as_a_command()
