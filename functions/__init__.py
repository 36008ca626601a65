"""One file for each function, in folders by kind of work. There is no other list of functions.

`discover()` imports every module here, in order. A module that cannot be imported stops the app, so
that its function is not silently left out. A file whose name begins with `_` is not a function.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_file_location
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


class _Command:
    """Finds the program that `python -m functions.NAME` runs: `__main__.py`, which learns the name
    from its spec."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        program = PathFinder.find_spec(f"{__name__}.__main__", __path__)
        if name != _asked() or program is None or program.origin is None:
            return None
        return spec_from_file_location(name, program.origin)


def _asked() -> str | None:
    """What follows `-m` in this process's command, if it is in this package."""
    words = sys.orig_argv
    if "-m" not in words:
        return None
    module = words[words.index("-m") + 1]
    return module if module.startswith(f"{__name__}.") else None


def _let_each_name_be_a_command() -> None:
    """Let `python -m functions.NAME` do what `python -m functions NAME` does (L10).

    A file is not a program: run as one, it would do nothing and exit with 0.
    """
    asked = _asked()
    if asked is None or asked == f"{__name__}.__main__":
        return
    if asked.count(".") > 1:
        sys.stderr.write(f"write `python -m functions {asked.rpartition('.')[2]}`\n")
        raise SystemExit(2)
    sys.meta_path.insert(0, _Command)


_let_each_name_be_a_command()
