"""How many requests to the hooks were refused, because no provider had signed them.

The counts are facts in storage, which `/status` shows.
"""

from __future__ import annotations

import logging
from datetime import datetime

from shared.errors import BelfryError
from shared.log import Event, event
from shared.storage.tables.facts import Meta
from shared.storage.tables.tally import Tally, counted

_logger = logging.getLogger("belfry.hooks")

_NAME = "hooks.refused:"


def refused(meta: Meta) -> dict[str, int]:
    """The count of each provider."""
    return counted(meta, _NAME)


class Refusals:
    """The refusals of this process, as far as they are not written."""

    def __init__(self) -> None:
        self._tally = Tally(_NAME, _uncounted)

    def add(self, provider: str, reason: str, meta: Meta, now: datetime) -> None:
        """Count one, and log it."""
        event(_logger, Event.HOOK_REFUSED, level=logging.WARNING, provider=provider, reason=reason)
        self._tally.add(provider, meta, now)


def _uncounted(error: BelfryError) -> None:
    event(_logger, Event.HOOK_REFUSED, level=logging.WARNING, uncounted=str(error))
