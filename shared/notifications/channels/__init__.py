"""Channels to people. Each folder here is a channel, and the folder's name is the channel's name.

- `__init__.py` declares the channel's settings, as `SETTINGS`. The channel is used if all settings
  without a default are set.
- `sender.py` has the function `sender`, which makes the channel's sender from their values.
- `double.py` describes the service's test double, as `DOUBLE`.
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
    """The names of all channels."""
    return tuple(sorted(one.name for one in pkgutil.iter_modules(__path__)))


def declared() -> Channels:
    """The settings of each channel. Imports nothing that only sending needs."""
    return {name: import_module(f"{__name__}.{name}").SETTINGS for name in names()}


def senders(set_up: Mapping[str, Values]) -> dict[str, Sender]:
    """The senders of the channels that are set up, by channel; `set_up` has the values of their
    settings."""
    return {
        name: import_module(f"{__name__}.{name}.sender").sender(values)
        for name, values in set_up.items()
    }
