"""The service by which the rest of Belfry says what is wrong, and no longer wrong.

Each call changes one row (`book`) as the rules say (`rules`), under the row's ETag. If something is
to be told, the row says so before anybody is told, and no longer when it is in the outbox. A
process that is killed in between leaves the row as it is, and the next call, or `watch`, hands the
same telling over, under the same key.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from shared.alerts import rules
from shared.alerts.book import Book
from shared.alerts.gathering import Gathering
from shared.alerts.model import ABOUT, Alert, AlertState, Happening, digest
from shared.alerts.places import Places
from shared.alerts.port import AlertKind
from shared.alerts.routes import parse
from shared.alerts.telling import Teller
from shared.clock import Clock
from shared.errors import Conflict, Refused, Unavailable
from shared.notifications.channels import names
from shared.notifications.model import one_line
from shared.notifications.service import Notifications
from shared.settings import Settings
from shared.storage.connect import Connection
from shared.storage.names import Names
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.schedules import ScheduleTable
from shared.tasks.context import JobContext

_TOGETHER = 90
"""Events in one transaction, which has 100 steps at most."""
_TRIES = 50
_HISTORY = timedelta(days=90)
_EVENTS = timedelta(days=7)
"""How long alerts that are over, and the keys of events that were counted, are kept."""
_GATHERED = timedelta(seconds=30)
"""How long a process collects what it noted before it takes it over: Alertmanager's group_wait."""
_FORGETS = 5
"""In the first so many minutes of an hour old rows are removed: to look for them reads them all."""

Step = Callable[[Alert | None, datetime], Alert | None]


class Alerts:
    """The service. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(
        self, book: Book, places: Places, teller: Teller, gathering: Gathering, clock: Clock
    ) -> None:
        self._book = book
        self._places = places
        self._teller = teller
        self._gathering = gathering
        self._clock = clock
        self._gathered_at: datetime | None = None
        self._busy = threading.Lock()

    def open(self, kind: AlertKind, about: str, text: str, *, level: int = 0) -> None:
        """There is a problem (`port.AlertService.open`)."""
        about = _about(about)
        self._change(
            digest(kind, about),
            lambda before, now: rules.begun(before, kind, about, text, level, now),
        )

    def close(self, kind: AlertKind, about: str, text: str) -> None:
        """A problem is over (`port.AlertService.close`)."""
        self._change(
            digest(kind, _about(about)),
            lambda before, now: before and rules.ended(before, text, now),
        )

    def happened(self, kind: AlertKind, about: str, text: str, *, key: str) -> None:
        """Something happened (`port.AlertService.happened`)."""
        self.all_happened(kind, [Happening(about=_about(about), text=text, key=key)])

    def all_happened(self, kind: AlertKind, events: Sequence[Happening]) -> None:
        """Many events of one kind happened."""
        once = list({one.key: one for one in events}.values())
        for start in range(0, len(once), _TOGETHER):
            self._count(kind, once[start : start + _TOGETHER])

    def open_subjects(self, kind: AlertKind) -> set[str]:
        """What has an open problem of that kind."""
        current = self._book.current()
        return {
            one.about for one in current if (one.kind, one.state) == (kind, AlertState.OPEN)
        } - {""}

    def gather(self) -> None:
        """Take over what this process noted, and try again what it could not send. Cheap if there
        is nothing; the first after a quiet time is told at once."""
        now, last = self._clock.now(), self._gathered_at
        if not (self._gathering.noted or self._teller.is_due(now)):
            return
        if last is not None and timedelta() <= now - last < _GATHERED:
            return
        if not self._busy.acquire(blocking=False):
            return  # another thread of this process does it
        with ExitStack() as then:
            then.callback(self._busy.release)
            self._gathered_at = now
            self._gathering.gather_noted(self.all_happened)
            self._teller.again(now)

    def watch(self, job: JobContext) -> Mapping[str, object]:
        """Do what is due (`port.AlertMonitor.watch`)."""
        if job.dry_run:
            return self._rehearsed(job.clock.now())
        taken = self._gathering.gather_all(self.all_happened, job.check)
        current, failures = self._book.current(), []
        for one in current:
            job.check()
            try:
                self._look_after(one)
            except (Unavailable, Refused) as error:  # the others are looked after all the same
                failures.append(error)
        now = self._clock.now()
        for held in self._places.held(now):
            job.check()
            self._teller.tell_held(held)
            self._book.remove([held.key])
        self._teller.again(now)
        if now.minute < _FORGETS:
            self._book.forget(now - _HISTORY, now - _EVENTS)
        if failures:
            raise failures[0]
        still = [one.id for one in current if one.state is AlertState.OPEN]
        return {"taken_over": taken, "open": len(still)}

    def _rehearsed(self, now: datetime) -> Mapping[str, object]:
        """What `watch` would tell of the alerts there are."""
        later = [rules.advance(one, now) for one in self._book.current()]
        return {"would_tell": [one.pending.subject for one in later if one.pending is not None]}

    def all(self, most: int) -> list[Alert]:
        """What is open, and up to `most` of the alerts before, newest first."""
        return [*self._book.current(), *self._book.past(most)]

    def get(self, alert_id: str) -> Alert:
        """One alert. Raises `NotFound`."""
        return self._book.get(alert_id)

    def acknowledge(self, alert_id: str, by: str) -> Alert:
        """Note that a person looks after it: there are no more reminders. Raises `NotFound`, and
        `Conflict` if it is over."""

        def attempt() -> Alert | None:
            now, found = self._clock.now(), self._book.get(alert_id)
            if found.state is not AlertState.OPEN:
                raise Conflict(f"the alert {alert_id} is over")
            after = rules.acknowledged(found, one_line(by, ABOUT), now)
            return after if after == found else self._book.write(found, after, now=now)

        return compare_and_set(alert_id, attempt, tries=_TRIES, error=_busy)

    def _change(self, wanted: str, step: Step) -> None:
        """Change the current alert of that digest, and tell what is to be told. `step` returns None
        if there is nothing to change."""

        def attempt() -> Alert | bool | None:
            now, before = self._clock.now(), self._book.read(wanted)
            if before is not None and before.pending is not None:
                self._hand_over(before)
                return None
            after = step(before, now)
            if after is None:
                return True
            after = rules.advance(after, now)
            if before is not None and replace(after, text=before.text) == before:
                return True
            return self._book.write(before, after, now=now)

        made = compare_and_set(f"the alert {wanted}", attempt, tries=_TRIES, error=_busy)
        if isinstance(made, Alert):
            self._hand_over(made)

    def _count(self, kind: AlertKind, events: Sequence[Happening]) -> None:
        """Count events, of which some may have been counted before, by us or by another."""
        left = list(events)

        def attempt() -> Alert | bool | None:
            nonlocal left
            now, before = self._clock.now(), self._book.read(digest(kind, ""))
            if before is not None and before.pending is not None:
                self._hand_over(before)
                return None
            after = rules.advance(rules.happened(before, kind, left, now), now)
            keys = {one.key for one in left}
            made = self._book.write(before, after, keys=keys, now=now)
            if made is None:
                seen = self._book.counted(after, keys)
                left = [one for one in left if one.key not in seen]
            return made or (None if left else True)

        made = compare_and_set(f"the alert {kind}", attempt, tries=_TRIES, error=_busy)
        if isinstance(made, Alert):
            self._hand_over(made)

    def _look_after(self, alert: Alert) -> None:
        """Tell what has become due of an alert, or make it history."""
        now = self._clock.now()
        if rules.is_over(alert, now):
            self._book.archive(alert)
        elif alert.pending is not None or rules.advance(alert, now) != alert:
            self._change(alert.digest, lambda before, _now: before)

    def _hand_over(self, alert: Alert) -> None:
        """Hand over what is pending, and then note that it is not any more."""
        if alert.pending is not None:
            self._teller.tell(alert, alert.pending)
            self._book.write(alert, replace(alert, pending=None), now=self._clock.now())


def _about(text: str) -> str:
    """What an alert is about, as it is kept; never empty."""
    return one_line(text, ABOUT) or "?"


_busy = partial(Unavailable, "table storage")


def alerts_from(
    settings: Settings,
    connection: Connection,
    table: ScheduleTable,
    notifications: Notifications,
    covered: Collection[str],
    clock: Clock,
) -> Alerts:
    """The service, made from the settings. `covered`: tasks whose failures are alerted of by
    others. Raises `Misconfigured` if ALERT_ROUTES is wrong."""
    book = Book(connection, Names(settings.prefix).alerts)
    places = Places(book, settings.alerts_per_hour)
    routes = parse(settings.alert_routes, settings.channels, names())
    teller = Teller(notifications, routes, places)
    return Alerts(book, places, teller, Gathering(table, covered), clock)
