"""Channels to people: a folder each, found by being here; its name is the channel's name.

- `__init__.py` declares the channel's settings, as `SETTINGS`: those without a default are set
  together, or the channel is not used.
- `sender.py` has the function `sender`, which makes its sender from their values.
- `double.py` says how the service behaves when a test plays it, as `DOUBLE`.
"""

from __future__ import annotations

import functools
import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from shared.settings import Channels, Values

if TYPE_CHECKING:
    from shared.notifications.sending import Sender


@functools.cache
def names() -> tuple[str, ...]:
    """All channels that there are."""
    return tuple(sorted(one.name for one in pkgutil.iter_modules(__path__)))


def declared() -> Channels:
    """The settings of each. Loads nothing that only sending needs."""
    return {name: import_module(f"{__name__}.{name}").SETTINGS for name in names()}


def senders(set_up: Mapping[str, Values]) -> dict[str, Sender]:
    """The senders of the channels that are set up, from the values of their settings."""
    return {
        name: import_module(f"{__name__}.{name}.sender").sender(values)
        for name, values in set_up.items()
    }
