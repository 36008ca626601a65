"""Records changes whose entries cannot be in one transaction with them: intent first, outcome
after."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from shared.access import Caller
from shared.audit.entry import Entry, Outcome
from shared.audit.port import Action, Changing, Subject
from shared.audit.table import PENDING
from shared.clock import Clock
from shared.errors import Refused, Unavailable
from shared.log import Event, event
from shared.storage.tables import pending
from shared.storage.tables.pending import Pending
from shared.storage.tables.table import Table

_logger = logging.getLogger("belfry.audit")


class Recorder:
    """Writes the entries into the audit's table, from where the chainer takes them."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self.stirred = False
        """Whether something was recorded; whoever chains it sets this back."""

    @contextmanager
    def changing(
        self,
        by: Caller,
        action: Action,
        subject: Subject,
        before: Mapping[str, object] | None = None,
    ) -> Iterator[Changing]:
        """Record a change (`port.Audit.changing`). Raises `Unavailable` or `Refused`, before the
        block, if the intent cannot be stored."""
        now = self._clock.now()
        entry = Entry.of(by, action, subject, now, before=before, outcome=Outcome.UNKNOWN)
        row = pending.begin(self._table, PENDING, entry)
        change = Changing()
        try:
            yield change
        except BaseException as error:
            self._settle(row, entry.ended(change.after, error))
            raise
        self._settle(row, entry.ended(change.after, None))

    def _settle(self, row: Pending, entry: Entry) -> None:
        """Write the outcome. If that fails, the entry stays unknown: the change was made, and must
        not look as if it failed."""
        self.stirred = True
        try:
            pending.settle(self._table, row, entry)
        except (Unavailable, Refused) as error:
            event(
                _logger,
                Event.AUDIT_UNSETTLED,
                level=logging.WARNING,
                entry=entry.id,
                action=entry.action.value,
                error=str(error),
            )
