"""Hands what is to be told to the outbox, each telling once for each destination.

A telling's key is made from its alert and its number. So who hands it over again, after a kill or
beside another process, asks for the same notification.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from shared.alerts import words
from shared.alerts.kinds import KINDS, Severity
from shared.alerts.model import Alert, Telling, Word
from shared.alerts.places import Held, Places
from shared.alerts.routes import MAIL, Destination, Routes
from shared.log import Event, event, instant
from shared.notifications.service import Notifications

_logger = logging.getLogger("belfry.alerts")


_KEPT = 100


@dataclass(frozen=True, slots=True)
class _Unsent:
    to: list[Destination]
    subject: str
    text: str
    again_at: datetime


class Teller:
    """The teller, bound to what it tells by."""

    def __init__(self, notifications: Notifications, routes: Routes, places: Places) -> None:
        self._notifications = notifications
        self._routes = routes
        self._places = places
        self._unsent: dict[str, _Unsent] = {}
        """What this process handed over and could not send yet, by key. The outbox has it too."""

    def tell(self, alert: Alert, telling: Telling) -> None:
        """Hand a telling over. Raises `Unavailable` or `Refused` if storage fails."""
        key = _key(alert, telling)
        critical = alert.severity is Severity.CRITICAL
        at = alert.told_at or alert.opened_at
        to = [
            one
            for one in self._destinations(alert, telling)
            if self._places.take(one, key, telling.subject, at, critical=critical)
        ]
        self._send(to, key, telling.subject, telling.text)
        event(
            _logger,
            Event.ALERT_TOLD,
            level=logging.INFO if telling.word is Word.CLOSED else logging.WARNING,
            alert_id=alert.id,
            kind=alert.kind.value,
            severity=alert.severity.value,
            about=alert.about or None,
            word=telling.word.value,
            count=alert.count,
            to=", ".join(map(str, to)) or "nobody",
        )

    def tell_held(self, held: Held) -> None:
        """Hand over the digest of what a destination had no place for."""
        if held.count:
            subject, text = words.digest(held.subjects, held.count, held.hour)
            key = f"alert_digest:{instant(held.hour, 'minutes')}:{held.destination}"
            self._send([held.destination], key, subject, text)

    def is_due(self, now: datetime) -> bool:
        """Whether something that this process could not send is to be tried again."""
        return any(one.again_at <= now for one in list(self._unsent.values()))

    def again(self, now: datetime) -> None:
        """Try again what this process could not send: without a worker, nobody else would."""
        for key, one in list(self._unsent.items()):
            if one.again_at <= now:
                self._send(one.to, key, one.subject, one.text)

    def _destinations(self, alert: Alert, telling: Telling) -> list[Destination]:
        """Where a telling goes. Of some kinds administrators get a mail of its own each time."""
        to = self._routes.of(alert.kind)
        twice = KINDS[alert.kind].mailed and telling.word is not Word.REMINDER
        return [one for one in to if not (twice and one == Destination(MAIL))]

    def _send(self, to: list[Destination], key: str, subject: str, text: str) -> None:
        places = [(one.channel, one.recipient) for one in to]
        sent = self._notifications.tell(places, key=key, subject=subject, text=text)
        self._unsent.pop(key, None)
        again = [entry.next_at for entry in sent if entry.next_at is not None]
        if again and len(self._unsent) < _KEPT:
            self._unsent[key] = _Unsent(to, subject, text, min(again))


def _key(alert: Alert, telling: Telling) -> str:
    """`clock_silent:schedule_dispatcher:opened:2026-03-01T12:07:00Z:1`."""
    parts = [alert.kind.value, alert.about, telling.word.value, instant(alert.opened_at)]
    return ":".join([*filter(None, parts), str(telling.number)])
