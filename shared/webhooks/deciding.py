"""(A delivery, what came back) -> what becomes of it. Pure.

| what came back | what becomes of the delivery |
|---|---|
| 2xx | delivered |
| 410 | given up, and the webhook is disabled |
| 429, 502, 504, a time-out | tried again; the whole endpoint is slowed down |
| other answers, none | tried again |
| a blocked place, a wrong header | given up |

The times are those of Standard Webhooks ("Deliverability and reliability").
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from hashlib import sha256

from shared.errors import BelfryError
from shared.outgoing.model import Answer, Unreachable, Why
from shared.webhooks.model import HELD, LOGGED, Delivery, DeliveryStatus, Tried

DELAYS = tuple(
    timedelta(seconds=one)
    for one in (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
"""Before each attempt: 75 h 35 min 5 s in all."""
LONGEST_PAUSE = timedelta(hours=6)
"""The most that an answer's `Retry-After` can ask for."""
_JITTER = 0.2
_LOST = 3
"""How many attempts whose senders died do not count."""
_SLOW = (429, 502, 504)
_ERROR = 300


class Kind(StrEnum):
    """What becomes of a delivery after an attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    GIVE_UP = "give_up"
    GONE = "gone"
    """Given up, and nothing more is to be delivered to its webhook."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What one attempt says."""

    kind: Kind
    http_status: int | None = None
    error: str = ""
    slow: bool = False
    """Whether the endpoint has too much to do."""
    away: bool = False
    """Whether the next delivery to it would fail as well: it is counted by the breaker."""
    pause: timedelta | None = None
    """What its `Retry-After` asks for."""


def of_answer(answer: Answer, now: datetime) -> Verdict:
    """What an answer says."""
    status = answer.status
    if 200 <= status < 300:
        return Verdict(kind=Kind.DELIVERED, http_status=status)
    if status == 410:
        said = "it answered 410: gone for good"
        return Verdict(kind=Kind.GONE, http_status=status, error=said)
    if (answer.header("webhook-delivery") or "").strip().lower() == "abort-message":
        said = f"it answered {status}, and that it does not want this message"
        return Verdict(kind=Kind.GIVE_UP, http_status=status, error=said)
    followed = "; redirects are not followed" if 300 <= status < 400 else ""
    return Verdict(
        kind=Kind.RETRY,
        http_status=status,
        error=f"it answered {status}{followed}",
        slow=status in _SLOW,
        away=status == 429 or status >= 500,
        pause=retry_after(answer.header("retry-after"), now),
    )


def of_error(error: BelfryError) -> Verdict:
    """What it says that no answer came."""
    said = str(error)[:_ERROR]
    if error.permanent:
        return Verdict(kind=Kind.GIVE_UP, error=said)
    slow = isinstance(error, Unreachable) and error.why is Why.TIMEOUT
    return Verdict(kind=Kind.RETRY, error=said, slow=slow, away=True)


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """The pause that the header asks for, at most `LONGEST_PAUSE`: seconds, or an instant (RFC
    9110, 10.2.3). None if there is none, or it cannot be read."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(timedelta(seconds=int(value[:9])), LONGEST_PAUSE)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return min(max(at - now, timedelta(0)), LONGEST_PAUSE)


def delay(id: str, tries: int) -> timedelta:
    """Before the attempt after so many: a fifth more or less, the same each time it is asked."""
    digest = int.from_bytes(sha256(f"{id}:{tries}".encode()).digest()[:4], "big")
    return DELAYS[tries] * (1 - _JITTER + 2 * _JITTER * digest / 2**32)


def may_claim(delivery: Delivery, now: datetime) -> bool:
    """Whether a sender may take it."""
    return delivery.next_at is not None and delivery.next_at <= now


def exhausted(delivery: Delivery) -> bool:
    """Whether it was begun so often that its senders must have died of it."""
    return delivery.tries >= len(DELAYS) + _LOST


def claimed(delivery: Delivery, holder: str, now: datetime) -> Delivery:
    """A sender has it. If the sender before died, the log says so."""
    log = delivery.log
    if delivery.status is DeliveryStatus.SENDING and delivery.claimed_at is not None:
        died = "the sender died before it wrote down what came of it"
        log = _logged(log, Tried(at=delivery.claimed_at, error=died))
    return replace(
        delivery,
        status=DeliveryStatus.SENDING,
        holder=holder,
        claimed_at=now,
        next_at=now + HELD,
        tries=delivery.tries + 1,
        attempts=delivery.attempts + 1,
        log=log,
    )


def given_back(delivery: Delivery, now: datetime) -> Delivery:
    """Its sender has to stop before it knows: it is due at once, and the attempt does not count."""
    said = Tried(at=delivery.claimed_at or now, error="this instance had to stop")
    return replace(
        delivery,
        status=DeliveryStatus.RETRYING,
        holder="",
        tries=delivery.tries - 1,
        next_at=now,
        log=_logged(delivery.log, said),
    )


def after(delivery: Delivery, verdict: Verdict, tried: Tried, now: datetime) -> Delivery:
    """What becomes of a delivery that a sender has."""
    known = replace(
        delivery,
        holder="",
        http_status=verdict.http_status,
        error=verdict.error,
        log=_logged(delivery.log, tried),
    )
    if verdict.kind is Kind.DELIVERED:
        return _ended(known, DeliveryStatus.DELIVERED, now)
    last = delivery.test or delivery.tries >= len(DELAYS)
    if verdict.kind is not Kind.RETRY or last:
        return _ended(known, DeliveryStatus.FAILED, now)
    pause = max(delay(delivery.id, delivery.tries), verdict.pause or timedelta(0))
    return replace(known, status=DeliveryStatus.RETRYING, next_at=now + pause)


def given_up(delivery: Delivery, why: str, now: datetime) -> Delivery:
    """It cannot be sent at all, such as when its webhook is disabled."""
    return _ended(replace(delivery, holder="", error=why[:_ERROR]), DeliveryStatus.FAILED, now)


def again(delivery: Delivery, job_id: str, now: datetime) -> Delivery:
    """A person, or another job of its occurrence, wants it delivered (again): a new series of
    attempts begins. One that is being sent stays as it is."""
    if delivery.status is DeliveryStatus.SENDING:
        return delivery
    return replace(
        delivery,
        status=DeliveryStatus.QUEUED,
        job_id=job_id or delivery.job_id,
        tries=0,
        next_at=now,
        ended_at=None,
    )


def deferred(delivery: Delivery, until: datetime) -> Delivery:
    """It waits, since its endpoint is away, or for those before it."""
    return replace(delivery, next_at=until)


def _ended(delivery: Delivery, status: DeliveryStatus, now: datetime) -> Delivery:
    return replace(delivery, status=status, next_at=None, ended_at=now)


def _logged(log: tuple[Tried, ...], tried: Tried) -> tuple[Tried, ...]:
    return (*log, tried)[-LOGGED:]
