"""Whom the notifications tell of their own problems. The app passes in what forwards them to the
alerts, which are themselves sent by the notifications."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from shared.errors import BelfryError
from shared.log import Event, event

_logger = logging.getLogger("belfry.notifications")


class Problems(Protocol):
    """Takes problems as they are noticed; the same one may come again. May raise `Unavailable` or
    `Refused`, if storage fails."""

    def circuit_opened(self, service: str, text: str) -> None:
        """Nothing is sent to `service` for the time being."""

    def circuit_closed(self, service: str, text: str) -> None:
        """It works again."""

    def cap_reached(self, about: str, text: str, *, key: str) -> None:
        """A day's cap was reached; `key` names cap and day."""

    def message_unknown(self, about: str, text: str, *, key: str) -> None:
        """Nobody can say whether a message to an owner was sent; `key` names the message."""


class Nobody:
    """Problems are only logged."""

    def circuit_opened(self, service: str, text: str) -> None:
        del service, text

    def circuit_closed(self, service: str, text: str) -> None:
        del service, text

    def cap_reached(self, about: str, text: str, *, key: str) -> None:
        del about, text, key

    def message_unknown(self, about: str, text: str, *, key: str) -> None:
        del about, text, key


def told(tell: Callable[[], None]) -> bool:
    """Tell of a problem; whether that worked. If it did not, the sending goes on."""
    try:
        tell()
    except BelfryError as error:
        event(_logger, Event.PROBLEM_UNTOLD, level=logging.ERROR, error=str(error))
        return False
    return True
