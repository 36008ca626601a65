"""The deliveries: what tasks and the API ask for."""

from __future__ import annotations

import math
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from shared.access import Caller
from shared.alerts.port import AlertService
from shared.audit.port import Action, Audit, Subject
from shared.clock import Clock
from shared.errors import Conflict, NotFound, Refused, TooMany
from shared.outgoing.model import Outgoing
from shared.resources.model import Resource
from shared.resources.port import ResourceService
from shared.resources.webhooks import Webhook
from shared.tasks import JobContext
from shared.webhooks import body, by_hand, deciding, endpoint
from shared.webhooks.body import Wanted
from shared.webhooks.endpoint import Endpoint, Pace
from shared.webhooks.flushing import Flush
from shared.webhooks.model import KEPT, MOST_OPEN, Delivery, DeliveryStatus
from shared.webhooks.places import Places, Way
from shared.webhooks.port import Asked, Spend
from shared.webhooks.sending import Sender, Services
from shared.webhooks.store import Store

SOON = timedelta(seconds=10)
"""A job waits so long for the second attempt, and no longer."""
MOST_AGAIN = 1_000
"""Deliveries that one request delivers again."""
TEST = "webhook.test"
_FORGETS = 20_000
_FORGETTING = 15.0
"""Seconds for which one call removes old deliveries."""
_ROUNDS = 20


class Webhooks:
    """The deliveries."""

    def __init__(
        self,
        store: Store,
        outgoing: Callable[[], Outgoing],
        resources: Callable[[], ResourceService],
        alerts: Callable[[], AlertService],
        audit: Audit,
        spend: Spend,
        clock: Clock,
    ) -> None:
        self._store = store
        self._resources = resources
        self._audit = audit
        self._spend = spend
        self._clock = clock
        self._places = Places()
        self._sender = Sender(Services(store, outgoing, resources, alerts, clock))

    def host(self, webhook_id: str, project_id: int | None) -> str:
        return self._resources().webhook(webhook_id, project_id).what.host

    def deliver(self, wanted: Wanted, stop: threading.Event) -> Delivery:
        webhook = self._resources().webhook(wanted.webhook_id, wanted.project_id)
        if webhook.disabled:
            raise Refused(f"webhook {webhook.id}", f"it is disabled: {webhook.disabled}")
        delivery = self._stored(wanted)
        if delivery.status.ended or not self._is_first(delivery, webhook):
            return delivery
        after, _ = self._attempt(delivery, webhook, stop)
        if not self._is_soon(after) or self._clock.wait(stop, self._left(after)):
            return after
        return self._attempt(after, webhook, stop)[0]

    def _stored(self, wanted: Wanted) -> Delivery:
        """The delivery, as it is stored from now on."""
        now = self._clock.now()
        new = new_delivery(wanted, now=now)
        known = self._store.find(new.id)
        if known is None:
            self._room(new)
            waits = endpoint.waits_until(self._store.endpoint(new.hook), now)
            known, is_new = self._store.put(replace(new, next_at=waits or now))
            if is_new:
                return known
        if known.job_id == wanted.job_id:
            return known
        return self._again(known, wanted.job_id) or known

    def _room(self, one: Delivery) -> int:
        """How many deliveries more may wait for its webhook. Raises `Refused` if none may."""
        left = MOST_OPEN - len(self._store.open_ids(one.hook, MOST_OPEN))
        if left <= 0:
            said = f"{MOST_OPEN:,} deliveries wait for it already; it takes none of them"
            raise Refused(f"webhook {one.webhook_id}", said)
        return left

    def _is_first(self, delivery: Delivery, webhook: Resource[Webhook]) -> bool:
        """Whether nothing of an ordered webhook is open before it."""
        if not webhook.what.ordered:
            return True
        return self._store.open_ids(delivery.hook, 1) == [delivery.id]

    def _attempt(
        self, delivery: Delivery, webhook: Resource[Webhook], stop: threading.Event | None
    ) -> tuple[Delivery, int]:
        """Try it now, if it is due and there is a place for it; else the flush does. (The delivery,
        the bytes that were sent and received.)"""
        if not deciding.may_claim(delivery, self._clock.now()):
            return delivery, 0
        known = self._store.endpoint(delivery.hook)
        if known.pace is Pace.SLOW and not delivery.test:
            return delivery, 0  # it would hold up this instance's other jobs
        way = Way(hook=delivery.hook, project_id=delivery.project_id, pace=known.pace)
        if not self._places.take(way):
            return delivery, 0
        try:
            ended = self._sender.attempt(delivery, webhook, known, stop)
            return ended.delivery, ended.moved
        finally:
            self._places.free(way)

    def _is_soon(self, delivery: Delivery) -> bool:
        """Whether its next attempt is worth waiting for."""
        return delivery.status is DeliveryStatus.RETRYING and self._left(delivery) <= SOON

    def _left(self, delivery: Delivery) -> timedelta:
        left = (delivery.next_at or self._clock.now()) - self._clock.now()
        return max(left, timedelta(0))

    def flush(self, *, longest: timedelta, stop: threading.Event) -> Mapping[DeliveryStatus, int]:
        flush = Flush(self._store, self._sender, self._places, self._clock, longest, stop)
        try:
            flush.run()
        finally:
            for (schedule_id, project_id), count in flush.moved.items():
                self._spend.moved(schedule_id, project_id, count)
        if flush.problem is not None:
            raise flush.problem
        return flush.statuses

    def forget(self, *, stop: threading.Event) -> int:
        before, until = self._clock.now() - KEPT, self._clock.monotonic() + _FORGETTING
        return self._store.forget(
            before, _FORGETS, lambda: not stop.is_set() and self._clock.monotonic() < until
        )

    def forget_all(self, job: JobContext) -> int:
        """Remove more of them; how many."""
        gone = 0
        for _ in range(_ROUNDS):
            job.check()
            some = self.forget(stop=job.stop)
            gone += some
            if not some:
                break
        return gone

    def page(
        self, webhook_id: str, project_id: int | None, asked: Asked, page: int, size: int
    ) -> tuple[list[Delivery], int]:
        hook = body.hook_key(project_id, webhook_id)
        return self._store.page(hook, asked.status, asked.since, asked.until, page, size)

    def get(self, webhook_id: str, project_id: int | None, delivery_id: str) -> Delivery:
        hook = body.hook_key(project_id, webhook_id)
        theirs = body.is_id(delivery_id) and body.hook_of(delivery_id) == hook
        found = self._store.find(delivery_id) if theirs else None
        if found is None:
            raise NotFound(f"webhook {webhook_id!r} has no delivery {delivery_id:.60}")
        return found

    def redeliver(
        self, by: Caller, webhook_id: str, project_id: int | None, delivery_id: str
    ) -> Delivery:
        self._hold_enabled(webhook_id, project_id)
        found = self.get(webhook_id, project_id, delivery_id)
        self._hold_budget(found.schedule_id, project_id)
        if found.status.ended:
            self._room(found)
        self._take(found, 1)
        subject = Subject("delivery", delivery_id, project_id)
        with self._audit.changing(by, Action.RETRY, subject):
            done = self._again(found, "")
            if done is None:
                raise Conflict("it is being sent at this moment; look at what comes of it first")
            return done

    def redeliver_all(
        self, by: Caller, webhook_id: str, project_id: int | None, asked: Asked
    ) -> int:
        self._hold_enabled(webhook_id, project_id)
        self._hold_budget("", project_id)
        found, _ = self.page(webhook_id, project_id, asked, 1, MOST_AGAIN)
        ended = [one for one in found if one.status.ended and not one.test]
        if ended:
            ended = ended[: self._take(ended[0], min(len(ended), self._room(ended[0])))]
        subject = Subject("webhook", webhook_id, project_id)
        with self._audit.changing(by, Action.RETRY, subject) as change:
            count = sum(self._again(one, "") is not None for one in ended)
            change.after = {"redelivered": count}
        return count

    def _again(self, delivery: Delivery, job_id: str) -> Delivery | None:
        """None if it is being sent, or somebody else changed it."""
        after = deciding.again(delivery, job_id, self._clock.now())
        return None if after == delivery else self._store.write(delivery, after)

    def _hold_budget(self, schedule_id: str, project_id: int | None) -> None:
        if (why := self._spend.refusal(schedule_id, project_id)) is not None:
            raise Conflict(why)

    def _take(self, one: Delivery, count: int) -> int:
        """Take so many of what people may ask for by hand of its webhook, or as many as are left.
        Raises `TooMany` if none is."""
        now, granted = self._clock.now(), 0

        def step(found: Endpoint) -> Endpoint | None:
            nonlocal granted
            granted = min(count, by_hand.left(found, now))
            return by_hand.taken(found, granted, now) if granted > 0 else None

        self._store.change_endpoint(one.hook, step)
        if granted > 0:
            return granted
        until = by_hand.next_hour(now)
        raise TooMany(
            f"webhook {one.webhook_id}: {by_hand.MOST:,} tests and deliveries by hand were asked "
            f"for in this hour; there may be more from {until:%H:%M} UTC on",
            math.ceil((until - now).total_seconds()),
        )

    def _hold_enabled(self, webhook_id: str, project_id: int | None) -> None:
        webhook = self._resources().webhook(webhook_id, project_id)
        if webhook.disabled:
            raise Conflict(f"webhook {webhook_id} is disabled: {webhook.disabled}; enable it first")

    def test(self, by: Caller, webhook_id: str, project_id: int | None) -> Delivery:
        webhook = self._resources().webhook(webhook_id, project_id)
        now = self._clock.now()
        wanted = Wanted(
            webhook_id=webhook_id,
            project_id=project_id,
            type=TEST,
            data={"text": "This is a test."},
            schedule_id=f"test:{secrets.token_hex(8)}",
            job_id="",
            due_at=now,
        )
        new = new_delivery(wanted, now=now, test=True)
        self._hold_budget("", project_id)
        self._room(new)
        self._take(new, 1)
        subject = Subject("webhook", webhook_id, project_id)
        with self._audit.changing(by, Action.EXECUTE, subject):
            stored, _ = self._store.put(new)
            tried, moved = self._attempt(stored, webhook, None)
            self._spend.moved("", project_id, moved)
            return tried


def new_delivery(wanted: Wanted, *, now: datetime, test: bool = False) -> Delivery:
    """The delivery of an event, as it is before it is stored."""
    hook = body.hook_key(wanted.project_id, wanted.webhook_id)
    id = body.delivery_id(hook, wanted.schedule_id, wanted.due_at, wanted.part)
    return Delivery(
        id=id,
        hook=hook,
        webhook_id=wanted.webhook_id,
        project_id=wanted.project_id,
        schedule_id="" if test else wanted.schedule_id,
        job_id=wanted.job_id,
        type=wanted.type,
        due_at=wanted.due_at,
        body=body.body_of(wanted, id),
        test=test,
        next_at=now,
        created_at=now,
    )
