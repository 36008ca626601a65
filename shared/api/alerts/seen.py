"""Which alerts a caller of some projects sees: those about schedules of these projects.

Of many events that are told together it sees its own part: the subjects that it sees, and what was
said of the last of them. Alerts about anything else concern all projects.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from shared.access import Caller
from shared.alerts.model import Alert
from shared.alerts.port import AlertKind
from shared.api import scope
from shared.app import App
from shared.errors import Forbidden, NotFound

_OF_SCHEDULES = frozenset(
    {
        AlertKind.JOB_DEAD,
        AlertKind.RUN_MISSED,
        AlertKind.SCHEDULE_PAUSED,
        AlertKind.BACKUP_FAILED,
    }
)
"""The kinds whose subjects are schedules, by their ids."""


def seen(belfry: App, by: Caller, alerts: Iterable[Alert]) -> list[Alert]:
    """The alerts that the caller sees, as it sees them."""
    alerts = list(alerts)
    if by.projects is None:
        return alerts
    theirs = [one for one in alerts if one.kind in _OF_SCHEDULES]
    projects = scope.projects_of(belfry, {about for one in theirs for about in _subjects(one)})
    mine = {about for about, project in projects.items() if by.sees(project)}
    return [part for one in theirs if (part := _part(one, mine)) is not None]


def one(belfry: App, by: Caller, alert_id: str) -> Alert:
    """The alert, as the caller sees it. Raises `NotFound`."""
    found = seen(belfry, by, [belfry.alerts().get(alert_id)])
    if not found:
        raise NotFound(f"there is no alert {alert_id:.60}")
    return found[0]


def hold_whole(by: Caller, alert: Alert) -> None:
    """Raise `Forbidden` if an alert may be of other projects too: then it is not the caller's to
    look after."""
    if by.projects is not None and alert.is_group:
        raise Forbidden(
            "it tells of all projects together; a caller of all projects looks after it"
        )


def _subjects(alert: Alert) -> list[str]:
    return [alert.about] if alert.about else [named.about for named in alert.names]


def _part(alert: Alert, mine: set[str]) -> Alert | None:
    if alert.about:
        return alert if alert.about in mine else None
    names = tuple(named for named in alert.names if named.about in mine)
    return replace(alert, names=names, text=names[-1].text, count=len(names)) if names else None
