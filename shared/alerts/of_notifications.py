"""Forwards the notifications' own problems to the alerts."""

from __future__ import annotations

from collections.abc import Callable

from shared.alerts.port import AlertKind, AlertService


class AlertedProblems:
    """`shared.notifications.problems.Problems`, told to the alerts."""

    def __init__(self, alerts: Callable[[], AlertService]) -> None:
        """`alerts` is called when there is a problem: the alerts are sent by the notifications, so
        neither can be made before the other."""
        self._alerts = alerts

    def circuit_opened(self, service: str, text: str) -> None:
        self._alerts().open(AlertKind.CIRCUIT_OPENED, service, text)

    def circuit_closed(self, service: str, text: str) -> None:
        self._alerts().close(AlertKind.CIRCUIT_OPENED, service, text)

    def cap_reached(self, about: str, text: str, *, key: str) -> None:
        self._alerts().happened(AlertKind.CAP_REACHED, about, text, key=key)
