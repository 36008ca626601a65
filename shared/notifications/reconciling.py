"""Asks the providers what they have not told: a callback may be lost, and a price comes some time
after the send. Twilio advises to do so daily, besides callbacks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial

from shared.clock import Clock
from shared.errors import NotFound
from shared.notifications.delivery import Delivery
from shared.notifications.model import Entry
from shared.notifications.outbox import Outbox
from shared.notifications.port import Reconciled
from shared.notifications.sending import Fetching, Sender
from shared.threads import Pool

YOUNGEST, OLDEST = timedelta(hours=1), timedelta(days=4)
"""Of which age notifications are asked about."""
_PAGE = 100
_AT_ONCE = 4


class Reconciler:
    """Asks the providers of the configured channels, as far as they can be asked."""

    def __init__(
        self,
        outbox: Outbox,
        channels: Mapping[str, Sender],
        record: Callable[[Delivery], Entry],
        clock: Clock,
    ) -> None:
        self._outbox = outbox
        self._channels = channels
        self._record = record
        self._clock = clock

    def reconcile(self, now: datetime, until: datetime, stop: threading.Event) -> Reconciled:
        """Ask about all; what is told is recorded at once, so a failure loses nothing."""
        asked = changed = gone = 0
        with Pool(_AT_ONCE, "reconcile") as pool:
            for sender, page in self._pages(now):
                if self._clock.now() >= until or stop.is_set():
                    return Reconciled(asked=asked, changed=changed, gone=gone, complete=False)
                told = pool.map(partial(self._ask, sender), page)
                asked += len(told)
                changed += sum(1 for one in told if one)
                gone += told.count(None)
        return Reconciled(asked=asked, changed=changed, gone=gone)

    def _pages(self, now: datetime) -> Iterator[tuple[Fetching, list[Entry]]]:
        for name, sender in self._channels.items():
            if isinstance(sender, Fetching):
                since, until = now - OLDEST, now - YOUNGEST
                for page in self._outbox.unpriced_pages(name, since, until, _PAGE):
                    yield sender, page

    def _ask(self, sender: Fetching, entry: Entry) -> bool | None:
        """Whether something new was told; None: the provider or we have it no more."""
        try:
            return self._record(sender.fetch(entry)).etag != entry.etag
        except NotFound:
            return None
