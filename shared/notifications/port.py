"""What tasks may ask of the notifications, and what the notifications ask of a domain. Only types,
so a task that declares the service imports nothing else of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from shared.notifications.model import Entry

Value: TypeAlias = "str | int | bool | None"
"""What the facts of a message may be: JSON's plain values."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A message to an owner, as a task asks for it. Tenant, owner, kind and occasion identify it:
    it is sent once, however often it is asked for (P9)."""

    kind: str
    """One of `shared.notifications.kinds`; it names the channel and the template."""
    tenant_id: int
    owner_id: int
    occasion: str
    """What it is about, with whatever makes it another occasion: an appointment and its time."""
    about: Mapping[str, Value]
    """The facts by which the kind's review finds it again, such as `appointment_id`."""
    useful_until: datetime
    """Nobody is told later than this."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """An owner, and their tenant's rules, as they are right before a message is sent."""

    tenant_id: int
    owner_id: int
    phone: str | None
    """As it was typed."""
    opted_in: bool
    language: str
    """The owner's, else the tenant's."""
    timezone: str
    """The owner's, else the tenant's: for quiet hours."""
    sms_daily_limit: int | None
    """The tenant's, in messages a day; None: only the limit for all tenants."""
    sms_daily_spend_minor: int | None
    """The same in minor units of `sms_currency`."""
    sms_currency: str
    tenant_timezone: str = "UTC"
    """Whose days the tenant's two caps count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """The message still makes sense."""

    owner: Owner
    data: Mapping[str, object]
    """The values of the kind's data."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dropped:
    """The message must not be sent any more."""

    reason: str


Review: TypeAlias = Callable[[Mapping[str, Value], datetime], Ready | Dropped]
"""Looks up what a message is about, right before it is sent: (its `about`, now) -> what it says
now, or why it must not be sent. Raises `Unavailable` or `Misconfigured`: then it waits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconciled:
    """What a reconciliation found."""

    asked: int = 0
    changed: int = 0
    """Of how many something new was told."""
    gone: int = 0
    """How many the provider has no more."""
    complete: bool = True
    """Whether all were asked about; if not, time was up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mailed:
    """What became of mails that customers wrote."""

    entries: Sequence[Entry]
    """In the order of their addresses, sent before or not."""
    over: int = 0
    """How many were not stored, since they are beyond the project's cap of the day."""
    next_day: datetime
    """When that cap has room again."""


class NotificationService(Protocol):
    """Sends notifications to people (`service`). For one key, a notification is sent once, however
    often a task asks for it. So a task makes the key from its job's id, or from the subject.

    Each method returns the notifications as they are afterwards (`status` says whether one was
    sent, waits for another attempt, or is kept); a repetition may leave out those that are
    finished. Each raises `Unavailable` or `Refused` if the outbox's storage fails.
    """

    def mail_administrators(self, *, key: str, subject: str, text: str) -> Sequence[Entry]:
        """Mail every system administrator."""

    def report(self, *, kind: str, key: str, data: Mapping[str, object]) -> Sequence[Entry]:
        """Mail a report of that kind to every system administrator; `data` has the values of the
        kind's data, as JSON."""

    def rehearse_report(
        self, *, kind: str, key: str, data: Mapping[str, object], now: datetime
    ) -> Sequence[Entry]:
        """What `report` would do at `now`; stores nothing and sends nothing. Mails that were asked
        for before are left out."""

    def mail(
        self,
        *,
        key: str,
        kind: str,
        to: Sequence[str],
        project_id: int | None,
        data: Mapping[str, object],
    ) -> Sequence[Entry]:
        """Mail it to addresses that a schedule of that project names: 1 to 20 of them, or as many
        as the kind says. `kind` is one with `to_customers`; `data` has the values of its data, as
        JSON.

        A project may cause 100 such mails a day (UTC; `mailing.MAILS_A_DAY`), and of those with
        words of its own MAIL_DAILY_LIMIT. What is beyond is not
        sent and not returned, and administrators are told of it once that day. So ask again with
        the same key tomorrow, or let it be. Raises `Invalid`, too: for data that are not the
        kind's, for another kind, for too many addresses."""

    def mail_written(
        self,
        *,
        key: str,
        kind: str,
        to: Sequence[str],
        project_id: int | None,
        data: Mapping[str, object],
    ) -> Mailed:
        """As `mail`, and what became of each address, also of those that were told before. `data`
        do not count for what is stored already."""

    def alert(self, *, key: str, subject: str, text: str) -> Sequence[Entry]:
        """Send it to every configured chat channel, and by mail to every system administrator."""

    def send(self, messages: Sequence[Message]) -> Sequence[Entry]:
        """Send these to owners, by the rules of sending (opt-in, quiet hours, caps). A message
        that must wait is sent later by itself; each is returned, told before or not, in the order
        in which they were given."""

    def rehearse(self, messages: Sequence[Message], now: datetime) -> Sequence[Entry]:
        """What `send` would do at `now`; stores nothing and sends nothing. Messages that were told
        before are left out."""

    def flush(self, now: datetime, *, longest: timedelta, stop: threading.Event) -> Sequence[Entry]:
        """Send what is due by `now`, for `longest` at most, or until `stop` is set; those that
        were changed."""

    def reconcile(self, now: datetime, *, longest: timedelta, stop: threading.Event) -> Reconciled:
        """Ask the providers what they have not told of the notifications of the last days, for
        `longest` at most, or until `stop` is set. Raises `Unavailable`, `Refused` or
        `Misconfigured` if a provider does not answer."""

    def forget(self, now: datetime, *, longest: timedelta, stop: threading.Event) -> int:
        """Remove the notifications that are older than NOTIFICATION_RETENTION_DAYS, with nothing
        left to do, for `longest` at most, or until `stop` is set; how many."""
