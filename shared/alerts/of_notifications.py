"""The alerts as the notifications know them: they say what is wrong with their own sending. The
service is made when there is something to tell, since it is itself made from the notifications."""

from __future__ import annotations

from collections.abc import Callable

from shared.alerts.port import AlertKind, AlertService


class NotificationAlerts:
    """The service, for the notifications."""

    def __init__(self, service: Callable[[], AlertService]) -> None:
        self._service = service

    def circuit_opened(self, service: str, text: str) -> None:
        """Nothing is sent to `service` for the time being."""
        self._service().open(AlertKind.CIRCUIT_OPENED, service, text)

    def circuit_closed(self, service: str, text: str) -> None:
        """It works again."""
        self._service().close(AlertKind.CIRCUIT_OPENED, service, text)

    def cap_reached(self, about: str, text: str, *, key: str) -> None:
        """A day's cap was reached; `key` names cap and day."""
        self._service().happened(AlertKind.CAP_REACHED, about, text, key=key)

    def message_unknown(self, about: str, text: str, *, key: str) -> None:
        """Nobody can say whether a message to an owner was sent; `key` names the message."""
        self._service().happened(AlertKind.MESSAGE_UNKNOWN, about, text, key=key)
