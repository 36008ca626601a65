"""One attempt at a delivery: it is taken, sent, and what came of it is written down.

A process may be killed between any two of these steps:

- before it is taken: it stays due.
- after it is taken, be it sent or not: it is due again when the sender's time is up (`HELD`). The
  receiver may get it twice then, with the same `webhook-id`.
- after its endpoint is written, before the delivery is: the same; the endpoint counts one failure
  more.
- when a webhook is to be disabled, people are told first, then it is disabled, then the delivery is
  written. Each does no harm if it is done again.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from shared import transferred
from shared.alerts.port import AlertKind, AlertService
from shared.clock import Clock
from shared.errors import BelfryError, Cancelled, NotFound, Refused
from shared.log import Event, event
from shared.outgoing.model import Limits, Outgoing
from shared.resources.model import Resource
from shared.resources.port import ResourceService
from shared.resources.webhooks import Webhook
from shared.webhooks import deciding, endpoint, signing, told
from shared.webhooks.deciding import Kind, Verdict
from shared.webhooks.endpoint import Endpoint
from shared.webhooks.model import Delivery, DeliveryStatus, Tried
from shared.webhooks.store import Store

_logger = logging.getLogger("belfry.webhooks")

LIMITS = Limits(connect=5, first_byte=15, whole=20, body=4_096, redirects=0)
"""Standard Webhooks asks for a time-out of 15 to 30 seconds."""


@dataclass(frozen=True, slots=True)
class Services:
    """What sending needs."""

    store: Store
    outgoing: Callable[[], Outgoing]
    resources: Callable[[], ResourceService]
    alerts: Callable[[], AlertService]
    clock: Clock


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended: the delivery as it is stored, and the endpoint as it was found."""

    delivery: Delivery
    endpoint: Endpoint
    waits_until: datetime | None = None
    """Set if nothing was sent, since the endpoint is away."""
    disabled: bool = False
    """Whether this attempt disabled its webhook."""
    moved: int = 0
    """Bytes that were sent and received."""


class Sender:
    """Makes attempts."""

    def __init__(self, at: Services) -> None:
        self._at = at

    def webhook(self, delivery: Delivery) -> Resource[Webhook] | str:
        """Its webhook, or why nothing can be delivered to it."""
        try:
            found = self._at.resources().webhook(delivery.webhook_id, delivery.project_id)
        except NotFound as error:
            return str(error)
        if found.disabled and not delivery.test:
            return f"webhook {found.id} is disabled: {found.disabled}"
        return found

    def attempt(
        self,
        delivery: Delivery,
        webhook: Resource[Webhook] | str,
        known: Endpoint,
        stop: threading.Event | None,
    ) -> Ended:
        """Try it, if it is due and nobody else has it. `known`: its endpoint, as it was read some
        seconds ago. Raises `Cancelled`."""
        now, store = self._at.clock.now(), self._at.store
        if isinstance(webhook, str) or deciding.exhausted(delivery):
            why = webhook if isinstance(webhook, str) else "its senders died again and again"
            return Ended(self._give_up(delivery, why, now), known)
        holder = secrets.token_hex(8)
        if not delivery.test and (waits := self._permitted(delivery.hook, known, holder, now)):
            store.defer([delivery], waits)
            return Ended(store.find(delivery.id) or delivery, known, waits)
        mine = self._claim(delivery, holder, now)
        if mine is None:
            self._unprobe(delivery.hook, holder)
            return Ended(store.find(delivery.id) or delivery, known)
        return self._sent(mine, webhook, known, stop)

    def _claim(self, delivery: Delivery, holder: str, now: datetime) -> Delivery | None:
        if not deciding.may_claim(delivery, now):
            return None
        return self._at.store.write(delivery, deciding.claimed(delivery, holder, now))

    def _permitted(self, hook: str, known: Endpoint, holder: str, now: datetime) -> datetime | None:
        """None if something may be sent to it now, perhaps as its probe; else until when to
        wait."""
        if waits := endpoint.waits_until(known, now):
            return waits
        if not endpoint.needs_probe(known):
            return None

        def step(found: Endpoint) -> Endpoint | None:
            waits = endpoint.waits_until(found, now) or not endpoint.needs_probe(found)
            return None if waits else endpoint.probed(found, holder, now)

        found = self._at.store.change_endpoint(hook, step)
        return None if found.probe == holder else endpoint.waits_until(found, now)

    def _unprobe(self, hook: str, holder: str) -> None:
        """Nothing was sent, so whoever comes next is the probe."""
        if self._at.store.endpoint(hook).probe == holder:
            self._at.store.change_endpoint(
                hook, lambda found: endpoint.unprobed(found) if found.probe == holder else None
            )

    def _sent(
        self,
        mine: Delivery,
        webhook: Resource[Webhook],
        known: Endpoint,
        stop: threading.Event | None,
    ) -> Ended:
        """Send what this sender has taken, and write down what came of it."""
        at, moved = self._at.clock.now(), transferred.Bytes()
        try:
            with transferred.counting(moved):
                verdict, tried = self._send(mine, webhook, at, stop)
        except Cancelled:
            self._unprobe(mine.hook, mine.holder)
            self._record(mine, lambda one: deciding.given_back(one, self._at.clock.now()))
            raise
        now = self._at.clock.now()
        took = timedelta(milliseconds=tried.took_ms)
        known, disabled = self._judged(mine, verdict, known, took, now)
        after = deciding.after(mine, verdict, tried, now)
        self._alert(after, verdict)
        done = self._record(mine, lambda _: after)
        _say(done)
        return Ended(done, known, disabled=disabled, moved=moved.moved)

    def _send(
        self,
        mine: Delivery,
        webhook: Resource[Webhook],
        at: datetime,
        stop: threading.Event | None,
    ) -> tuple[Verdict, Tried]:
        """One request. An error of the request is a verdict; `Cancelled` is raised."""
        began = self._at.clock.monotonic()
        hidden = told.hidden(webhook.secrets)
        try:
            url, keys = _url(webhook), signing.keys_of(webhook, at)
            headers = signing.all_headers(webhook.what.headers, mine.id, at, mine.body, keys)
            answer = self._at.outgoing().request(
                "POST", url, headers=headers, body=mine.body.encode(), limits=LIMITS, stop=stop
            )
        except Cancelled:
            raise
        except BelfryError as error:
            verdict = deciding.of_error(error)
            verdict = replace(verdict, error=told.without(verdict.error, hidden))
            took = int((self._at.clock.monotonic() - began) * 1000)
            return verdict, Tried(at=at, error=verdict.error, took_ms=took)
        verdict = deciding.of_answer(answer, self._at.clock.now())
        return verdict, Tried(
            at=at,
            http_status=answer.status,
            error=verdict.error,
            first_byte_ms=int(answer.first_byte_after * 1000),
            took_ms=int(answer.ended_after * 1000),
            head=told.head_of(answer, hidden),
            body=told.body_of(answer, hidden),
        )

    def _judged(
        self, mine: Delivery, verdict: Verdict, known: Endpoint, took: timedelta, now: datetime
    ) -> tuple[Endpoint, bool]:
        """(the endpoint after the attempt, whether its webhook had to be disabled)"""
        if verdict.kind is Kind.GIVE_UP and verdict.http_status is None:
            self._unprobe(mine.hook, mine.holder)  # nothing was sent: it says nothing of it
            return self._at.store.endpoint(mine.hook), False
        if verdict.kind is Kind.DELIVERED and endpoint.after(known, verdict, took, now) == known:
            return known, False  # all was well, and is
        known = self._at.store.change_endpoint(
            mine.hook, lambda found: endpoint.after(found, verdict, took, now)
        )
        gone = verdict.kind is Kind.GONE
        if mine.test or not (gone or endpoint.is_hopeless(known, now)):
            return known, False
        if gone:
            why = "its receiver answered 410: it wants nothing more"
        else:
            why = f"it has only failed since {known.failing_since:%Y-%m-%d %H:%M} UTC"
        self._disable(mine, why, known, now)
        return known, True

    def _disable(self, mine: Delivery, why: str, known: Endpoint, now: datetime) -> None:
        """Tell people, and disable the webhook."""
        text = f"webhook {mine.webhook_id}{_of(mine.project_id)} is disabled: {why}"
        key = f"{mine.hook}:{known.failing_since or now:%Y%m%dT%H%M%S}"
        self._at.alerts().happened(AlertKind.WEBHOOK_DISABLED, mine.hook, text, key=key)
        self._at.resources().disable_webhook(mine.webhook_id, mine.project_id, why)
        self._at.store.change_endpoint(
            mine.hook, lambda found: endpoint.after_disabling(found, now)
        )
        event(_logger, Event.WEBHOOK_DISABLED, level=logging.WARNING, reason=why, **_named(mine))

    def _give_up(self, delivery: Delivery, why: str, now: datetime) -> Delivery:
        """End it without an attempt."""
        done = self._at.store.write(delivery, deciding.given_up(delivery, why, now))
        if done is None:
            return self._at.store.find(delivery.id) or delivery
        _told_given_up(done)
        return done

    def _record(self, mine: Delivery, step: Callable[[Delivery], Delivery]) -> Delivery:
        """Write what became of a delivery that this sender has; if somebody else has taken it
        meanwhile, since this took too long, it is theirs."""
        written = self._at.store.write(mine, step(mine))
        return written or self._at.store.find(mine.id) or mine

    def _alert(self, after: Delivery, verdict: Verdict) -> None:
        """Tell people of a delivery that is given up, once a day for a webhook. Before it is
        written, so that a kill in between loses no alert."""
        if after.status is not DeliveryStatus.FAILED or after.test or verdict.kind is Kind.GONE:
            return
        self._at.alerts().happened(
            AlertKind.DELIVERY_GIVEN_UP,
            after.hook,
            f"a delivery to webhook {after.webhook_id}{_of(after.project_id)} was given up: "
            f"{after.error}",
            key=f"{after.hook}:{after.ended_at:%Y-%m-%d}",
        )


def _say(done: Delivery) -> None:
    if done.status is DeliveryStatus.FAILED:
        return _told_given_up(done)
    delivered = done.status is DeliveryStatus.DELIVERED
    event(
        _logger,
        Event.DELIVERY_TRIED,
        level=logging.INFO if delivered else logging.WARNING,
        status=done.status.value,
        http_status=done.http_status,
        error=done.error,
        next_at=done.next_at,
        **_named(done),
    )


def _url(webhook: Resource[Webhook]) -> str:
    found = webhook.secrets.get("url")
    if not found:
        raise Refused(f"webhook {webhook.id}", "it has no url; give it one")
    return found.reveal()


def _told_given_up(done: Delivery) -> None:
    event(_logger, Event.DELIVERY_GIVEN_UP, level=logging.ERROR, error=done.error, **_named(done))


def _named(delivery: Delivery) -> dict[str, Any]:
    """What each log line of a delivery says."""
    return {
        "delivery_id": delivery.id,
        "webhook_id": delivery.webhook_id,
        "project_id": delivery.project_id,
        "schedule_id": delivery.schedule_id,
        "job_id": delivery.job_id,
        "attempt": delivery.attempts,
    }


def _of(project_id: int | None) -> str:
    return "" if project_id is None else f" of project {project_id}"
