"""Each step of a notification from one state to another: pure functions of the notification as it
is stored now. None: the step changes nothing, or came too late to be right.

Whoever took a notification may record how its attempt ended, even if the claim has expired
meanwhile. What the provider says is stronger than anything that we believe: once it accepted a
notification, that is sent, whatever we thought; once it said how the way ended, that stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from shared.log import short
from shared.notifications.content import Content, Receipt
from shared.notifications.delivery import Delivery, DeliveryState
from shared.notifications.model import ERROR, SUBJECT, TEXT, Entry, NotificationStatus, one_line
from shared.notifications.rules.price import Price
from shared.notifications.rules.verdict import Hold, Skip, Verdict

_ID = 200
"""The longest id of a provider that is kept."""
_CODE = 50
_WAITING = (NotificationStatus.QUEUED, NotificationStatus.FAILED)
"""What may be taken for an attempt, if it is due."""
_OPEN = (NotificationStatus.SENDING, NotificationStatus.UNSETTLED, NotificationStatus.UNKNOWN)
"""What the last attempt has left without an outcome."""
_OVER = (NotificationStatus.DELIVERED, NotificationStatus.UNDELIVERED)
_REACHED: Mapping[DeliveryState, NotificationStatus] = {
    DeliveryState.QUEUED: NotificationStatus.SENT,
    DeliveryState.SENT: NotificationStatus.SENT,
    DeliveryState.DELIVERED: NotificationStatus.DELIVERED,
    DeliveryState.UNDELIVERED: NotificationStatus.UNDELIVERED,
    DeliveryState.FAILED: NotificationStatus.UNDELIVERED,
}


def waits(entry: Entry) -> bool:
    """Whether an attempt is still to be made."""
    return entry.status in _WAITING and entry.next_at is not None


def may_claim(entry: Entry, now: datetime) -> bool:
    """Whether it may be taken for an attempt. An administrator's may be taken over from a sender
    that seems to have died; an owner's never, since it may have been sent."""
    if entry.next_at is None or entry.next_at > now:
        return False
    taken_over = entry.status is NotificationStatus.SENDING and not entry.to_owner
    return entry.status in _WAITING or taken_over


def claimed(entry: Entry, holder: str, until: datetime) -> Entry:
    """Taken for one attempt until then."""
    return replace(
        entry,
        status=NotificationStatus.SENDING,
        attempts=entry.attempts + 1,
        next_at=until,
        holder=holder,
    )


def worded(entry: Entry, content: Content) -> Entry:
    """With the words that its recipient gets."""
    subject, text = one_line(content.subject, SUBJECT), short(content.text, TEXT)
    return replace(entry, subject=subject, text=text)


def sent(entry: Entry, receipt: Receipt, now: datetime, price: Price | None = None) -> Entry | None:
    """The provider accepted it."""
    if entry.status in (NotificationStatus.SENT, *_OVER):
        after = entry  # a callback was faster than our record
    else:
        after = replace(entry, status=NotificationStatus.SENT, error=None, next_at=None)
    after = replace(
        after,
        provider_id=entry.provider_id or short(receipt.provider_id, _ID) or None,
        sent_at=entry.sent_at or now,
    )
    return _changed(entry, _costing(after, receipt, price))


def failed(entry: Entry, holder: str, error: str, again: datetime | None) -> Entry | None:
    """The attempt of `holder` was certainly not accepted; the next one is due at `again`."""
    if entry.status not in _OPEN or entry.holder != holder:
        return None
    said = short(error, ERROR)
    return replace(entry, status=NotificationStatus.FAILED, error=said, next_at=again)


def unsettled(entry: Entry, error: str, look_up_at: datetime) -> Entry | None:
    """Nobody knows whether the attempt was accepted; the provider is asked at `look_up_at`."""
    if entry.status is not NotificationStatus.SENDING:
        return None
    said = short(error, ERROR)
    return replace(entry, status=NotificationStatus.UNSETTLED, error=said, next_at=look_up_at)


def looked_up(entry: Entry, again: datetime | None, said: str) -> Entry | None:
    """The provider was asked once more, and knows of no such notification (or did not answer)."""
    if entry.status is not NotificationStatus.UNSETTLED:
        return None
    status = NotificationStatus.UNKNOWN if again is None else NotificationStatus.UNSETTLED
    error = short(said, ERROR)
    return replace(entry, status=status, lookups=entry.lookups + 1, error=error, next_at=again)


def asked_later(entry: Entry, until: datetime) -> Entry | None:
    """The provider, which is away, is asked not before then."""
    if entry.status is not NotificationStatus.UNSETTLED:
        return None
    return replace(entry, next_at=until)


def decided(entry: Entry, verdict: Verdict) -> Entry | None:
    """The rules of sending decided so."""
    if isinstance(verdict, Hold):
        return held(entry, verdict.until, verdict.reason)
    if isinstance(verdict, Skip):
        return skipped(entry, verdict.reason)
    return kept(entry, verdict.reason, verdict.content)


def held(entry: Entry, until: datetime, reason: str) -> Entry | None:
    """It must wait until then."""
    if not waits(entry):
        return None
    return replace(
        entry, status=NotificationStatus.QUEUED, next_at=until, error=short(reason, ERROR)
    )


def skipped(entry: Entry, reason: str) -> Entry | None:
    """It must not be sent any more."""
    if not waits(entry):
        return None
    said = short(reason, ERROR)
    return replace(entry, status=NotificationStatus.SKIPPED, next_at=None, error=said)


def kept(entry: Entry, reason: str, content: Content | None = None) -> Entry | None:
    """It can no longer be sent; it stays for a person to read."""
    if entry.next_at is None or entry.status is NotificationStatus.UNSETTLED:
        return None
    words = entry if content is None else worded(entry, content)
    said = short(reason, ERROR)
    return replace(words, status=NotificationStatus.KEPT, next_at=None, error=said)


def delivered(
    entry: Entry, news: Delivery, now: datetime, price: Price | None = None
) -> Entry | None:
    """What the provider said. A final state stays as it is, and so does an error's code."""
    after = replace(
        entry,
        provider_id=entry.provider_id or short(news.provider_id, _ID) or None,
        sent_at=entry.sent_at or now,
        error_code=short(news.error_code or "", _CODE) or entry.error_code,
    )
    if entry.status not in _OVER:
        status = _REACHED[news.state]
        after = replace(after, status=status, next_at=None, error=_why(status, after.error_code))
    known = Receipt(
        segments=news.segments, cost_micros=news.cost_micros, cost_currency=news.cost_currency
    )
    return _changed(entry, _costing(after, known, price))


def _why(status: NotificationStatus, code: str | None) -> str | None:
    if status is not NotificationStatus.UNDELIVERED:
        return None
    return f"the provider could not deliver it (its error {code or 'is not known'})"


def _costing(entry: Entry, said: Receipt, price: Price | None) -> Entry:
    """With the segments and the cost that the provider said; without them, an estimate."""
    after = replace(entry, segments=said.segments or entry.segments)
    if said.cost_micros is not None:
        return replace(
            after,
            cost_micros=said.cost_micros,
            cost_currency=said.cost_currency,
            cost_estimated=False,
        )
    known = entry.cost_micros is not None and not entry.cost_estimated
    if known or price is None or not after.segments:
        return after
    return replace(
        after,
        cost_micros=price.of(after.segments),
        cost_currency=price.currency,
        cost_estimated=True,
    )


def _changed(before: Entry, after: Entry) -> Entry | None:
    return None if after == before else after
