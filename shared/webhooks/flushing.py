"""Works off what is due, many endpoints at once."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from shared.clock import Clock
from shared.errors import BelfryError, Cancelled
from shared.resources.model import Resource
from shared.resources.webhooks import Webhook
from shared.threads import Pool
from shared.webhooks import endpoint
from shared.webhooks.endpoint import Endpoint
from shared.webhooks.model import Delivery, DeliveryStatus
from shared.webhooks.places import PLACES, Places, Turns, Way
from shared.webhooks.sending import Ended, Sender
from shared.webhooks.store import Store

MOST = 1_000
"""Deliveries of one round."""


@dataclass(frozen=True, slots=True)
class _Lot:
    """What is due for one endpoint."""

    webhook: Resource[Webhook] | str
    deliveries: list[Delivery]

    @property
    def ordered(self) -> bool:
        return not isinstance(self.webhook, str) and self.webhook.what.ordered


Item = tuple[Resource[Webhook] | str, list[Delivery]]
"""One delivery; or, if its webhook is ordered, all that are due."""


class Flush:
    """One flush; `longest`: after that it begins no further attempt."""

    def __init__(
        self,
        store: Store,
        sender: Sender,
        places: Places,
        clock: Clock,
        longest: timedelta,
        stop: threading.Event,
    ) -> None:
        self._store = store
        self._sender = sender
        self._places = places
        self._clock = clock
        self._ends = clock.monotonic() + longest.total_seconds()
        self._stop = stop
        self._known: dict[str, Endpoint] = {}
        self._webhooks: dict[str, Resource[Webhook] | str] = {}
        self.statuses: dict[DeliveryStatus, int] = defaultdict(int)
        self.moved: dict[tuple[str, int | None], int] = defaultdict(int)
        """Bytes that were sent and received, by schedule and project."""
        self.problem: BelfryError | None = None
        """Of storage or a secret: the deliveries that it met stay due."""
        self._lock = threading.Lock()

    def run(self) -> None:
        """Send what is due, in rounds, until nothing is."""
        seen: set[str] = set()
        while self._goes_on():
            ids = self._store.due(self._clock.now(), MOST, seen)
            if not ids:
                return
            seen.update(ids)
            self._round(self._store.those(ids))

    def _goes_on(self) -> bool:
        return not self._stop.is_set() and self._clock.monotonic() < self._ends

    def _round(self, due: Sequence[Delivery]) -> None:
        turns: Turns[Item] = Turns(self._places)
        by_hook: dict[str, list[Delivery]] = defaultdict(list)
        for one in due:
            by_hook[one.hook].append(one)
        with Pool(_READS, "webhooks") as pool:
            found = pool.map(self._lot, by_hook.values())
        for way, lot in (one for one in found if one is not None):
            items: list[Item] = (
                [(lot.webhook, lot.deliveries)]
                if lot.ordered
                else [(lot.webhook, [one]) for one in lot.deliveries]
            )
            turns.add(way, items)
        workers = min(PLACES, len(due))
        with Pool(workers, "webhooks") as pool:
            pool.map(lambda _: self._work(turns), range(workers))

    def _lot(self, deliveries: list[Delivery]) -> tuple[Way, _Lot] | None:
        """What is due for one endpoint, and the way there; None if all of it has to wait."""
        first, now = deliveries[0], self._clock.now()
        try:
            known = self._known[first.hook] = self._store.endpoint(first.hook)
            if waits := endpoint.waits_until(known, now):
                self._store.defer(deliveries, waits)
                return None
            lot = _Lot(self._webhook(first), deliveries)
        except BelfryError as error:
            self._note(error)
            return None
        alone = lot.ordered or endpoint.needs_probe(known)
        way = Way(hook=first.hook, project_id=first.project_id, pace=known.pace, alone=alone)
        return way, lot

    def _webhook(self, delivery: Delivery) -> Resource[Webhook] | str:
        """Its webhook, which is looked up once a flush."""
        if delivery.test:
            return self._sender.webhook(delivery)
        if delivery.hook not in self._webhooks:
            self._webhooks[delivery.hook] = self._sender.webhook(delivery)
        return self._webhooks[delivery.hook]

    def _work(self, turns: Turns[Item]) -> None:
        """Take one turn after another."""
        while (taken := turns.take()) is not None:
            way, (webhook, deliveries) = taken
            pace = way.pace
            try:
                if not self._goes_on():
                    turns.stop()
                    continue
                ended = self._turn(webhook, deliveries)
                pace = ended.endpoint.pace
                self._spare(turns, way, ended)
            except Cancelled:
                turns.stop()
            except BelfryError as error:
                self._note(error)
                turns.drop(way.hook)
            finally:
                turns.done(way, pace)

    def _turn(self, webhook: Resource[Webhook] | str, deliveries: list[Delivery]) -> Ended:
        if not isinstance(webhook, str) and webhook.what.ordered:
            walk = Walk(self._store, self._sender, self._clock, self._goes_on, self._count)
            return walk.run(webhook, deliveries, self._stop)
        first = deliveries[0]
        ended = self._sender.attempt(first, webhook, self._known[first.hook], self._stop)
        self._known[first.hook] = ended.endpoint
        self._count(ended)
        return ended

    def _spare(self, turns: Turns[Item], way: Way, ended: Ended) -> None:
        """If the endpoint turned out to be away, the rest of its deliveries wait, all at once. If
        its webhook was disabled, the next flush gives them up."""
        if ended.disabled:
            turns.drop(way.hook)
            return
        waits = endpoint.waits_until(ended.endpoint, self._clock.now()) or ended.waits_until
        if waits is not None:
            left = [one for _, lot in turns.drop(way.hook) for one in lot]
            self._store.defer(left, waits)

    def _count(self, ended: Ended) -> None:
        one = ended.delivery
        with self._lock:
            self.statuses[one.status] += 1
            self.moved[one.schedule_id, one.project_id] += ended.moved

    def _note(self, error: BelfryError) -> None:
        with self._lock:
            self.problem = self.problem or error


class Walk:
    """Sends what is open for an ordered webhook, one after another, until one does not end."""

    def __init__(
        self,
        store: Store,
        sender: Sender,
        clock: Clock,
        goes_on: Callable[[], bool],
        count: Callable[[Ended], None],
    ) -> None:
        self._store = store
        self._sender = sender
        self._clock = clock
        self._goes_on = goes_on
        self._count = count

    def run(
        self, webhook: Resource[Webhook], due: Sequence[Delivery], stop: threading.Event
    ) -> Ended:
        """Begins with the first that is open, be it among those that are due or not."""
        ended = Ended(due[0], self._store.endpoint(due[0].hook))
        while self._goes_on():
            first = self._store.open_ids(due[0].hook, 1)
            head = self._store.find(first[0]) if first else None
            if head is None:
                return ended
            if head.next_at is not None and head.next_at > (now := self._clock.now()):
                if head.status is not DeliveryStatus.QUEUED:
                    self._wait(due, head)
                    return ended
                hastened = self._store.hasten(head, now)  # it only waited for those before it
                if hastened is None:
                    return ended
                head = hastened
            ended = self._sender.attempt(head, webhook, ended.endpoint, stop)
            self._count(ended)
            if not ended.delivery.status.ended:
                self._wait(due, ended.delivery)
                return ended
        return ended

    def _wait(self, due: Sequence[Delivery], head: Delivery) -> None:
        """Those after the head wait as long as it does."""
        rest = [one for one in self._store.those([one.id for one in due]) if one.id != head.id]
        waiting = [one for one in rest if one.status is DeliveryStatus.QUEUED]
        if head.next_at is not None:
            self._store.defer(waiting, head.next_at + _BEHIND)


_READS = 8
_BEHIND = timedelta(milliseconds=1)
"""So that what waits for the head is due after it."""
