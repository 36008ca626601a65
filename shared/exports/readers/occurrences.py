"""Occurrences, from the ledger: what was expected of each schedule, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from shared.engine.records.reconcile import Ledger
from shared.errors import NotFound
from shared.exports.kinds import Row
from shared.exports.readers.schedules import schedule_ids
from shared.exports.reading import Wanted
from shared.exports.walking import windows
from shared.listing.listing import Listing
from shared.schedules.ledger import Occurrence, Span
from shared.schedules.listed import Listed

_PAGE = 1_000
_MOMENT = timedelta(microseconds=1)


class OccurrenceRows:
    """A row for each occurrence, and for each that a calendar held back."""

    def __init__(self, listing: Listing, ledger: Ledger) -> None:
        self._listing = listing
        self._ledger = ledger

    def rows(self, wanted: Wanted) -> Iterator[Row]:
        """As `reading.Reader` has it."""
        since, until = wanted.seconds
        ids = schedule_ids(self._listing, wanted, tagged=True)
        for number, one in enumerate(ids, start=1):
            about = self._listing.among([one]).get(one)
            if about is None or wanted.project_id not in (None, about.project_id):
                continue
            for it in windows(since, until, partial(self._window, wanted, one)):
                if wanted.has(it.state.value):
                    yield _row(about, it)
            wanted.progress(number, len(ids))

    def _window(
        self, wanted: Wanted, schedule_id: str, first: datetime, end: datetime
    ) -> Sequence[Occurrence]:
        """Those due from `first` on and before `end`."""
        span, found, page = Span(first - _MOMENT, end - _MOMENT), list[Occurrence](), 1
        while True:
            wanted.check()
            try:
                some, total = self._ledger.occurrences(schedule_id, span, page, _PAGE)
            except NotFound:  # it was removed for good meanwhile
                return found
            found += some
            if page * _PAGE >= total:
                return found
            page += 1


def _row(about: Listed, it: Occurrence) -> Row:
    late = it.lateness_seconds
    return (
        it.job_id,
        about.id,
        about.name,
        about.project_id,
        about.task_type,
        it.state.value,
        it.due_at,
        it.started_at,
        None if late is None else Decimal(f"{late:.6f}"),
        it.calendar,
        it.reason,
    )
