"""Ways to people, a module each, found by being here.

Each module has `CHANNEL`, which way it is, and `configured`, which makes its sender if the settings
name all that it needs.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Protocol

from shared.notifications.model import Channel
from shared.notifications.sending import Sender
from shared.settings import MessagingSettings


class Way(Protocol):
    """What a module here has."""

    CHANNEL: Channel

    def configured(self, settings: MessagingSettings) -> Sender | None:
        """Its sender; None if the settings do not name all that it needs."""


def ways() -> list[Way]:
    """All there are. Loads nothing that only sending needs."""
    names = sorted(one.name for one in pkgutil.iter_modules(__path__))
    return [import_module(f"{__name__}.{name}") for name in names]


def channels_from(settings: MessagingSettings) -> dict[Channel, Sender]:
    """The senders that are configured."""
    made = {one.CHANNEL: one.configured(settings) for one in ways()}
    return {channel: sender for channel, sender in made.items() if sender is not None}
