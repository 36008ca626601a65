"""The service by which the rest of Belfry tells people something.

A notification is stored before it is sent, so none is lost if the process is killed: `flush` sends
what is due. A provider's failure is not raised to the caller, but recorded in the outbox.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from shared.clock import Clock
from shared.errors import BelfryError, Refused, Unavailable
from shared.log import Event, event
from shared.notifications.content import Content
from shared.notifications.model import MAIL, Draft, Entry, NotificationStatus, draft
from shared.notifications.outbox import Outbox
from shared.notifications.sending import ATTEMPTS, Sender, next_attempt
from shared.settings import Settings
from shared.storage.connect import Connection
from shared.storage.tables.facts import Meta

_logger = logging.getLogger("belfry.notifications")

_MOST = 100
"""The most notifications that one flush sends."""
_KNOWN = 5_000
"""How many finished notifications are remembered."""
_NOBODY = "no e-mail address of a system administrator is known; see DATABASE_URL"
_NO_MAIL = "mail is not set up; set SENDGRID_API_KEY and MAIL_FROM"


class Notifications:
    """Sends notifications, each once. Every method raises `Unavailable` or `Refused` if the
    outbox's storage fails."""

    def __init__(
        self,
        outbox: Outbox,
        channels: Mapping[str, Sender],
        administrators: Callable[[], Sequence[str]],
        clock: Clock,
    ) -> None:
        """`administrators` returns e-mail addresses."""
        self._outbox = outbox
        self._channels = channels
        self._administrators = administrators
        self._clock = clock
        self._lock = threading.Lock()
        self._over: dict[str, None] = {}
        """Digests of notifications for which nothing is left to do, so that storage need not be
        asked about them."""

    def mail_administrators(self, *, key: str, subject: str, text: str) -> list[Entry]:
        """Mail every system administrator; the notifications, as they are afterwards.

        A second call with the same key mails only administrators whom the first did not. It leaves
        out of its result notifications that this object knows to be finished.
        """
        return self._send_all(self._mails(key, subject, text))

    def tell(
        self, to: Iterable[tuple[str, str]], *, key: str, subject: str, text: str
    ) -> list[Entry]:
        """Send it to each of these: (channel, recipient). A chat has no recipient; mail without one
        goes to every system administrator. For a second call with the same key, see
        `mail_administrators`."""
        drafts: list[Draft] = []
        for channel, recipient in to:
            if channel == MAIL and not recipient:
                drafts += self._mails(key, subject, text)
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
            for channel in self._channels
            if channel != MAIL
        ]
        return self._send_all([*chats, *self._mails(key, subject, text)])

    def flush(self, now: datetime) -> list[Entry]:
        """Send what is due by `now`: what is queued, what failed and may be tried again, and what a
        sender that was killed had begun.

        It sends at most 100, starting with those that have waited longest, and returns those that
        it tried, as they are afterwards.
        """
        away: set[str] = set()
        tried = [self._try(entry, now, away) for entry in self._outbox.due(now, _MOST)]
        return [entry for entry in tried if entry is not None]

    def page(
        self, status: NotificationStatus | None, channel: str | None, page: int, size: int
    ) -> tuple[list[Entry], int]:
        """(One page of the notifications, newest first; how many there are in total)."""
        return self._outbox.page(status, channel, page, size)

    def get(self, id: str) -> Entry:
        """One notification. Raises `NotFound`."""
        return self._outbox.get(id)

    def forget(self, before: datetime) -> int:
        """Remove finished notifications from before `before`; how many."""
        return self._outbox.forget(before)

    def _mails(self, key: str, subject: str, text: str) -> list[Draft]:
        """A mail to each administrator. If none is known, one mail without a recipient, which stays
        in the outbox for a person to find."""
        addresses: dict[str, str] = {}
        for one in self._administrators():
            addresses.setdefault(one.strip().casefold(), one)
        return [
            draft(key=key, channel=MAIL, recipient=one, subject=subject, text=text)
            for one in addresses.values() or [""]
        ]

    def _send_all(self, drafts: Iterable[Draft]) -> list[Entry]:
        """Store all notifications, and then send them."""
        away: set[str] = set()
        entries = [self._put(one) for one in drafts if one.digest not in self._over]
        done = [self._try(entry, self._clock.now(), away) or entry for entry in entries]
        with self._lock:
            self._over |= {entry.digest: None for entry in done if entry.next_at is None}
            for oldest in list(self._over)[:-_KNOWN]:
                del self._over[oldest]
        return done

    def _put(self, wanted: Draft) -> Entry:
        reason = self._unsendable(wanted)
        entry, new = self._outbox.put(wanted, self._clock.now(), kept=reason)
        if new and reason is not None:
            _tell(Event.NOTIFICATION_KEPT, entry, level=logging.WARNING, reason=reason)
        return entry

    def _try(self, entry: Entry, now: datetime, away: set[str]) -> Entry | None:
        """Send it, if it is due and nobody else is sending it; None if it was not tried.

        `away` collects the channels whose service failed in this pass. They are not tried again
        before the next pass, so that a pass waits for one timeout, and not for one per recipient.
        """
        if entry.channel in away:
            return None
        taken = self._outbox.claim(entry, max(now, self._clock.now()))
        if taken is None:
            return None
        done = self._attempt(taken)
        if done.status is NotificationStatus.FAILED and done.next_at is not None:
            away.add(entry.channel)
        return done

    def _attempt(self, entry: Entry) -> Entry:
        """Send a notification that this sender has taken, and record the outcome."""
        sender = self._channels.get(entry.channel)
        if sender is None:
            kept = self._outbox.keep(entry, self._unsendable(entry) or "")
            _tell(Event.NOTIFICATION_KEPT, kept, level=logging.WARNING, reason=kept.error)
            return kept
        if entry.attempts > ATTEMPTS:
            return self._failed(entry, Refused("outbox", "no attempt came to its end"))
        try:
            receipt = sender.send(entry, Content(subject=entry.subject, text=entry.text))
        except BelfryError as error:
            return self._failed(entry, error)
        except Exception as error:  # from a library: its text may have a secret, so it is left out
            said = f"failed unexpectedly ({type(error).__name__})"
            return self._failed(entry, Unavailable(entry.channel, said))
        done = self._outbox.sent(entry, receipt.provider_id, self._clock.now())
        _tell(Event.NOTIFICATION_SENT, done, provider_id=done.provider_id)
        return done

    def _failed(self, entry: Entry, error: BelfryError) -> Entry:
        again = next_attempt(error, entry.attempts, self._clock.now())
        failed = self._outbox.failed(entry, str(error), again)
        level = logging.ERROR if again is None else logging.WARNING
        _tell(Event.NOTIFICATION_FAILED, failed, level=level, error=failed.error, next_at=again)
        return failed

    def _unsendable(self, wanted: Draft) -> str | None:
        """Why it cannot be sent; None if it can be."""
        if wanted.channel == MAIL and not wanted.recipient:
            return _NOBODY
        if wanted.channel in self._channels:
            return None
        if wanted.channel == MAIL:
            return _NO_MAIL
        return f"{wanted.channel} is not set up any more"


def _tell(what: Event, entry: Entry, *, level: int = logging.INFO, **fields: object) -> None:
    event(
        _logger,
        what,
        level=level,
        notification_id=entry.id,
        key=entry.key,
        channel=entry.channel,
        attempt=entry.attempts,
        **fields,
    )


def notifications_from(
    settings: Settings,
    connection: Connection,
    meta: Meta,
    clock: Clock,
) -> Notifications:
    """The service, made from the settings. `connection` is to the account of `settings.storage`;
    `meta` remembers the administrators."""
    from shared.notifications.administrators import Administrators
    from shared.notifications.channels import senders
    from shared.storage.names import Names

    return Notifications(
        Outbox(connection, Names(settings.prefix).notifications),
        senders(settings.channels),
        Administrators(settings.database_url, meta, clock),
        clock,
    )
