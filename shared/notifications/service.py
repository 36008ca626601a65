"""The service by which the rest of Belfry tells people something.

A notification is stored before it is sent, so none is lost if the process is killed: `flush` sends
what is due. A provider's failure is not raised to the caller, but recorded in the outbox.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from shared.audit.port import Audit
from shared.clock import Clock
from shared.log import Event
from shared.notifications import asking, parts, states
from shared.notifications.attempts import tell
from shared.notifications.delivery import Delivery
from shared.notifications.known import Known
from shared.notifications.listing import Wanted
from shared.notifications.mailing import WRITTEN_A_DAY, Mailing, hold_addresses
from shared.notifications.model import MAIL, Draft, Entry, NotificationStatus, draft
from shared.notifications.outbox import Outbox, new_entry
from shared.notifications.owners import Pass, tell_kept
from shared.notifications.port import Mailed, Message, Reconciled, Review
from shared.notifications.problems import Nobody, Problems
from shared.notifications.reconciling import Reconciler
from shared.notifications.rows import Lane
from shared.notifications.rules.circuit import Circuit
from shared.notifications.sending import Sender
from shared.settings import RETENTION, Settings, SmsSettings
from shared.storage.connect import Connection
from shared.storage.tables.facts import Meta

_PAGE = 100
"""How many notifications a flush reads at once."""
_AT_ONCE = timedelta(minutes=2)
"""How long `send` sends at most; a later flush sends the rest."""
_LONG = timedelta(days=1)


class Notifications:
    """Sends notifications, each once. Every method raises `Unavailable` or `Refused` if the
    outbox's storage fails."""

    def __init__(
        self,
        outbox: Outbox,
        channels: Mapping[str, Sender],
        administrators: Callable[[], Sequence[str]],
        clock: Clock,
        *,
        sms: SmsSettings | None = None,
        reviews: Mapping[str, Review] | None = None,
        problems: Problems | None = None,
        retention: timedelta = RETENTION,
        written_a_day: int = WRITTEN_A_DAY,
    ) -> None:
        """`administrators` returns e-mail addresses. `reviews`, by kind, look up what a message to
        an owner is about. `problems` is told of circuits and caps. `retention`: how long a
        notification is kept. `written_a_day`: MAIL_DAILY_LIMIT."""
        self._outbox = outbox
        self._retention = retention
        self._channels = channels
        self._administrators = administrators
        self._clock = clock
        self._known = Known()
        self._mailing = Mailing(outbox, problems or Nobody(), clock, written_a_day)
        self._parts = parts.made(
            outbox, channels, clock, sms or SmsSettings(), reviews or {}, problems or Nobody()
        )

    def mail_administrators(self, *, key: str, subject: str, text: str) -> list[Entry]:
        """Mail every system administrator; the notifications, as they are afterwards.

        A second call with the same key mails only administrators whom the first did not. It leaves
        out of its result notifications that this object knows to be finished.
        """
        return self._send_all(asking.mails(key, subject, text, self._administrators()))

    def report(self, *, kind: str, key: str, data: Mapping[str, object]) -> list[Entry]:
        """Mail a report of that kind to every system administrator, as `mail_administrators` does.
        Raises `Invalid` if `data` are not the kind's."""
        return self._send_all(asking.report(kind, key, data, self._administrators()))

    def mail_persons(
        self, *, key: str, kind: str, to: Sequence[str], data: Mapping[str, object]
    ) -> list[Entry]:
        """Mail it to addresses that the settings name, as `mail_administrators` does. Raises
        `Invalid` if `data` are not the kind's."""
        return self._send_all(asking.report(kind, key, data, to))

    def rehearse_report(
        self, *, kind: str, key: str, data: Mapping[str, object], now: datetime
    ) -> list[Entry]:
        """What `report` would do at `now`; stores nothing and sends nothing. Mails that were asked
        for before are left out. `sent` stands for what would be sent."""
        asked = asking.report(kind, key, data, self._administrators())
        known = self._outbox.those_known([one.digest for one in asked])
        new = [one for one in asked if one.digest not in known]
        found = [new_entry(one, now, parts.why_not(self._channels, one)) for one in new]
        sent = NotificationStatus.SENT
        return [one if one.error else replace(one, status=sent) for one in found]

    def mail(
        self,
        *,
        key: str,
        kind: str,
        to: Sequence[str],
        project_id: int | None,
        data: Mapping[str, object],
    ) -> list[Entry]:
        """Mail it to addresses that a schedule of that project names, as `mail_administrators`
        does; those only that the project's cap of the day allows. Raises `Invalid`."""
        hold_addresses(kind, to)
        asked = asking.report(kind, key, data, to)
        return self._send_all(self._mailing.granted(asked, project_id))

    def mail_written(
        self,
        *,
        key: str,
        kind: str,
        to: Sequence[str],
        project_id: int | None,
        data: Mapping[str, object],
    ) -> Mailed:
        """As `mail`, and what became of each address, also of those that were told before."""
        hold_addresses(kind, to)
        asked = asking.report(kind, key, data, to)
        granted = self._mailing.granted(asked, project_id)
        done = {one.digest: one for one in self._send_all(granted)}
        known = (done.get(one.digest) or self._known.get(one.digest) for one in granted)
        return Mailed(
            entries=[one for one in known if one is not None],
            over=len(asked) - len(granted),
            next_day=self._mailing.cap(kind, project_id).next_day(self._clock.now()),
        )

    def tell(
        self, to: Iterable[tuple[str, str]], *, key: str, subject: str, text: str
    ) -> list[Entry]:
        """Send it to each of these: (channel, recipient). A chat has no recipient; mail without one
        goes to every system administrator. For a second call with the same key, see
        `mail_administrators`."""
        drafts: list[Draft] = []
        for channel, recipient in to:
            if channel == MAIL and not recipient:
                drafts += asking.mails(key, subject, text, self._administrators())
            else:
                drafts.append(
                    draft(key=key, channel=channel, recipient=recipient, subject=subject, text=text)
                )
        return self._send_all(drafts)

    def alert(self, *, key: str, subject: str, text: str) -> list[Entry]:
        """Send it to every configured chat channel, and by mail to every system administrator; the
        notifications, as they are afterwards. For a second call with the same key, see
        `mail_administrators`."""
        chats = [
            draft(key=key, channel=channel, recipient="", subject=subject, text=text)
            for channel in parts.chats(self._channels)
        ]
        mails = asking.mails(key, subject, text, self._administrators())
        return self._send_all([*chats, *mails])

    def send(self, messages: Sequence[Message]) -> list[Entry]:
        """Send messages to owners, each once; as they are afterwards, in the order of `messages`.
        One that was told before may come without its words.

        It sends for two minutes at most; what is left then, and what must wait, is sent by `flush`.
        Raises `Invalid` if one of them is of no kind that goes to owners: then none is sent.
        """
        drafts = [asking.to_owner(one) for one in messages]
        wanted = {one.digest: one for one in drafts}
        over = {key: known for key in wanted if (known := self._known.get(key)) is not None}
        asked = [one for key, one in wanted.items() if key not in over]
        stored = [entry for entry, _ in self._outbox.put_all(asked, self._clock.now())]
        this = self._pass(self._clock.now() + _AT_ONCE)
        self._to_owners(stored, this)
        tell_kept(this)
        after = [this.done.get(one.id, one) for one in stored]
        self._known.add(after)
        found = over | {one.digest: one for one in after}
        return [found[one.digest] for one in drafts]

    def rehearse(self, messages: Sequence[Message], now: datetime) -> list[Entry]:
        """What `send` would do at `now`; stores nothing and sends nothing. Messages that were told
        before are left out. `sent` stands for what would be sent."""
        wanted = {one.digest: one for one in map(asking.to_owner, messages)}
        known = self._outbox.those_known(list(wanted))
        new = [new_entry(one, now, None) for key, one in wanted.items() if key not in known]
        return self._parts.owners.rehearse(new, now)

    def flush(
        self,
        now: datetime,
        *,
        longest: timedelta = _LONG,
        stop: threading.Event | None = None,
    ) -> list[Entry]:
        """Send what is due by `now`: what is queued, what failed and may be tried again, and what a
        sender that was killed had begun; and ask about what is unsettled.

        First those to administrators, then those in doubt, then those to owners; of each, those
        first that have waited longest. It begins no further one after `longest`, or once `stop` is
        set. Returns those that it changed, as they are afterwards.
        """
        this = self._pass(self._clock.now() + longest, stop)
        away: set[str] = set()
        tried = [
            self._to_administrator(one, now, away)
            for one in self._due(now, Lane.ADMINISTRATORS, this)
        ]
        silent: set[str] = set()
        tried += [
            self._parts.settler.settle(one, silent) for one in self._due(now, Lane.IN_DOUBT, this)
        ]
        for page in self._outbox.due(now, Lane.OWNERS, _PAGE):
            self._to_owners(page, this)
            if this.ended:
                break
        tell_kept(this)
        return [*(one for one in tried if one is not None), *this.done.values()]

    def _due(self, now: datetime, lane: Lane, this: Pass) -> Iterator[Entry]:
        """Those of a lane that are due, as long as the pass goes on."""
        for page in self._outbox.due(now, lane, _PAGE):
            for one in page:
                if self._clock.now() >= this.until or this.stop.is_set():
                    return
                yield one

    def record_delivery(self, news: Delivery) -> Entry:
        """Record what the provider said of a notification; as it is afterwards. News may come in
        any order, repeatedly, and before our own record of the send. It also settles one of which
        nobody knew whether it was sent. Raises `NotFound`."""
        entry = self._outbox.get(news.id)
        price = self._parts.price if entry.to_owner else None
        step = partial(states.delivered, news=news, now=self._clock.now(), price=price)
        done = self._outbox.update(entry, step)
        if done.status is not entry.status:
            bad = done.status is NotificationStatus.UNDELIVERED
            what = Event.NOTIFICATION_UNDELIVERED if bad else Event.NOTIFICATION_DELIVERED
            level = logging.WARNING if bad else logging.INFO
            tell(what, done, level=level, status=done.status.value, error_code=done.error_code)
        return done

    def reconcile(self, now: datetime, *, longest: timedelta, stop: threading.Event) -> Reconciled:
        """Ask the providers about the notifications of the last days of which they have not told
        all: the callback was lost, or the price came later. It begins no further one after
        `longest`, or once `stop` is set. Raises as a provider that does not answer does, too."""
        until = self._clock.now() + longest
        reconciler = Reconciler(self._outbox, self._channels, self.record_delivery, self._clock)
        return reconciler.reconcile(now, until, stop)

    def circuits(self) -> dict[str, Circuit]:
        """Every circuit that ever failed, by channel."""
        return self._parts.circuits.all()

    def page(
        self,
        status: NotificationStatus | None,
        channel: str | None,
        page: int,
        size: int,
        *,
        kind: str | None = None,
        tenant_id: int | None = None,
    ) -> tuple[list[Entry], int]:
        """(One page of the notifications with all of these, newest first; how many there are in
        total). None stands for any."""
        wanted = Wanted(status=status, channel=channel, kind=kind, tenant_id=tenant_id)
        return self._outbox.page(wanted, page, size)

    def get(self, id: str) -> Entry:
        """One notification. Raises `NotFound`."""
        return self._outbox.get(id)

    def forget(self, now: datetime, *, longest: timedelta, stop: threading.Event) -> int:
        """Remove notifications that are older than the retention, with nothing left to do; how
        many. It begins nothing further after `longest`, or once `stop` is set; the next call goes
        on."""
        until = self._clock.now() + longest

        def go_on() -> bool:
            return self._clock.now() < until and not stop.is_set()

        return self._outbox.forget(now - self._retention, go_on)

    def _pass(self, until: datetime, stop: threading.Event | None = None) -> Pass:
        return Pass(until, stop or threading.Event())

    def _to_owners(self, entries: Sequence[Entry], this: Pass) -> None:
        by_channel = sorted(entries, key=lambda one: one.channel)
        for channel, some in itertools.groupby(by_channel, lambda one: one.channel):
            self._parts.owners.send(channel, list(some), this)

    def _to_administrator(self, entry: Entry, now: datetime, away: set[str]) -> Entry | None:
        return self._parts.administration.send(entry, max(now, self._clock.now()), away)

    def _send_all(self, drafts: Iterable[Draft]) -> list[Entry]:
        """Store all notifications, and then send them."""
        away: set[str] = set()
        asked = [one for one in drafts if self._known.get(one.digest) is None]
        entries = [self._put(one) for one in asked]
        now = self._clock.now()
        done = [self._to_administrator(one, now, away) or one for one in entries]
        self._known.add(done)
        return done

    def _put(self, wanted: Draft) -> Entry:
        reason = parts.why_not(self._channels, wanted)
        entry, new = self._outbox.put(wanted, self._clock.now(), kept=reason)
        if new and reason is not None:
            tell(Event.NOTIFICATION_KEPT, entry, level=logging.WARNING, reason=reason)
        return entry


def notifications_from(
    settings: Settings,
    connection: Connection,
    meta: Meta,
    clock: Clock,
    audit: Audit,
    *,
    reviews: Mapping[str, Review] | None = None,
    problems: Problems | None = None,
) -> Notifications:
    """The service, made from the settings. `connection` is to the account of `settings.storage`;
    `meta` remembers the administrators."""
    from shared.notifications.administrators import Administrators
    from shared.notifications.channels import senders
    from shared.notifications.consent import Consent, watched
    from shared.storage.names import Names

    consent = Consent(settings.database_url, settings.sms.default_region)
    return Notifications(
        Outbox(connection, Names(settings.prefix).notifications),
        watched(senders(settings.channels), consent, audit),
        Administrators(settings.database_url, meta, clock, remembers=not connection.read_only),
        clock,
        sms=settings.sms,
        reviews=reviews,
        problems=problems,
        retention=settings.notification_retention,
        written_a_day=settings.mail_daily_limit,
    )
