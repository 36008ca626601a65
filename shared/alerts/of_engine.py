"""The alerts as the engine knows them (`engine.dispatch.alarm.Alerts`): kinds are plain words, and
the service is made when there is something to tell, since a tick usually has nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.alerts.port import AlertKind
from shared.storage.tables.schedules import ScheduleTable

if TYPE_CHECKING:
    from shared.alerts.service import Alerts


class EngineAlerts:
    """The service, for the engine. The methods are those of `Alerts`."""

    def __init__(self, table: ScheduleTable, service: Callable[[], Alerts]) -> None:
        self._table = table
        self._service = service
        self._used = False

    def open(self, kind: str, about: str, text: str) -> None:
        self._use().open(AlertKind(kind), about, text)

    def close(self, kind: str, about: str, text: str) -> None:
        self._use().close(AlertKind(kind), about, text)

    def happened(self, kind: str, about: str, text: str, *, key: str) -> None:
        self._use().happened(AlertKind(kind), about, text, key=key)

    def gather(self) -> None:
        if self._used or self._table.troubled:
            self._use().gather()

    def _use(self) -> Alerts:
        self._used = True
        return self._service()
