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
        *,
        even_if_away: bool = False,
    ) -> Iterator[Changing]:
        """Record a change (`port.Audit.changing`). Raises `Unavailable` or `Refused`, before the
        block, if the intent cannot be stored; with `even_if_away` that is logged, and the change is
        made all the same. That is only for what must be possible while this storage is away, and
        keeps who did it where it is stored itself."""
        now = self._clock.now()
        entry = Entry.of(by, action, subject, now, before=before, outcome=Outcome.UNKNOWN)
        row = self._begin(entry, even_if_away)
        change = Changing()
        try:
            yield change
        except BaseException as error:
            self._settle(row, entry.ended(change.after, error))
            raise
        self._settle(row, entry.ended(change.after, None))

    def _begin(self, entry: Entry, even_if_away: bool) -> Pending | None:
        """The row of the intent; None if it could not be stored, and need not be."""
        try:
            return pending.begin(self._table, PENDING, entry)
        except (Unavailable, Refused) as error:
            if not even_if_away:
                raise
            _untold(entry, error)
            return None

    def _settle(self, row: Pending | None, entry: Entry) -> None:
        """Write the outcome. If that fails, the entry stays unknown: the change was made, and must
        not look as if it failed."""
        if row is None:
            return
        self.stirred = True
        try:
            pending.settle(self._table, row, entry)
        except (Unavailable, Refused) as error:
            _untold(entry, error)


def _untold(entry: Entry, error: Unavailable | Refused) -> None:
    event(
        _logger,
        Event.AUDIT_UNSETTLED,
        level=logging.WARNING,
        entry=entry.id,
        action=entry.action.value,
        kind=entry.subject.kind,
        by=entry.by.name,
        error=str(error),
    )
