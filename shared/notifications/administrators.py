"""Who gets mail: the system administrators in the company's database.

Storage remembers those that were found last, so that they still get mail if the database is down or
its table of users was emptied. The database is asked once a minute at most. So a caller that sends
many notifications while the database is down waits for one timeout only.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.errors import BelfryError, Misconfigured
from shared.log import Event, event
from shared.settings import Secret
from shared.storage.tables.facts import Meta

_logger = logging.getLogger("belfry.notifications")

_FRESH = timedelta(minutes=1)
_NAME = "administrators"
_MOST = 300
"""How many addresses are remembered at most: a row's property holds 32,000 characters."""


class Administrators:
    """The e-mail addresses of the users who are `system_admin`."""

    def __init__(self, url: Secret, meta: Meta, clock: Clock, *, remembers: bool = True) -> None:
        """`remembers`: whether those that are found are stored; a dry run may not."""
        self._remembers = remembers
        self._url = url
        self._meta = meta
        self._clock = clock
        self._known: tuple[datetime, list[str]] | None = None

    def __call__(self) -> list[str]:
        """Their addresses, from the database; if it gives none, those that were found last.

        Raises `Unavailable` or `Refused` only if storage fails.
        """
        now = self._clock.now()
        if self._known is None or not timedelta(0) <= now - self._known[0] < _FRESH:
            self._known = (now, self._look())
        return self._known[1]

    def _look(self) -> list[str]:
        before = self._remembered()
        try:
            found = self._ask()
        except BelfryError as error:
            event(
                _logger,
                Event.ADMINISTRATORS_UNKNOWN,
                level=logging.WARNING,
                error=str(error),
                remembered=len(before),
            )
            return before
        if self._remembers and found[:_MOST] != before:
            self._meta.put(_NAME, json.dumps(found[:_MOST]))
        return found

    def _ask(self) -> list[str]:
        from shared.data.people import administrators

        if not self._url:
            raise Misconfigured("DATABASE_URL is not set; it says who is a system administrator")
        found = administrators(self._url)
        if not found:
            raise Misconfigured("no user in the database of DATABASE_URL is system_admin")
        return found

    def _remembered(self) -> list[str]:
        return [str(one) for one in json.loads(self._meta.value(_NAME) or "[]")]
