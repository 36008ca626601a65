"""Records of the audit, as an operator of the project sees them: what concerns its schedules."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from shared.access import Caller, Role
from shared.audit.chain import Record
from shared.audit.diff import differences
from shared.audit.listing import Listing
from shared.audit.listing import Wanted as Asked
from shared.exports.kinds import Row
from shared.exports.reading import Wanted

_UNREADABLE = (LookupError, ValueError, TypeError)
_TEXT = 500
_EACH = 100


class AuditRows:
    """A row for each record. Records that are in files only (AUDIT_TABLE_DAYS) are left out."""

    def __init__(self, listing: Listing, chain: Callable[[], object]) -> None:
        """`chain`: chains what is pending, so that nothing is missing."""
        self._listing = listing
        self._chain = chain

    def rows(self, wanted: Wanted) -> Iterator[Row]:
        """As `reading.Reader` has it."""
        self._chain()
        caller = Caller(name="task:export", role=Role.OPERATOR, projects=wanted.projects)
        asked = Asked(
            project_id=wanted.project_id, since=wanted.span.since, until=wanted.span.until
        )
        for number, record in enumerate(self._listing.walk(asked, caller)):
            if number % _EACH == 0:
                wanted.check()
            row = _row(record)
            if row is not None and _fits(row, wanted):
                yield row


def _fits(row: Row, wanted: Wanted) -> bool:
    schedule_id, project_id, outcome = row[7], row[8], row[10]
    return (
        wanted.project_id in (None, project_id)
        and (not wanted.schedule_ids or schedule_id in wanted.schedule_ids)
        and wanted.has(str(outcome))
    )


def _row(record: Record) -> Row | None:
    """The record; None if it cannot be read: `audit_verifier` tells of that."""
    try:
        it = record.entry()
    except _UNREADABLE:
        return None
    changed = ""
    if it.before is not None and it.after is not None:
        changed = ", ".join(one.path.lstrip("/") for one in differences(it.before, it.after))
    return (
        record.number,
        it.at,
        it.by.name,
        it.by.role,
        it.action.value,
        it.subject.kind,
        it.subject.id,
        it.schedule_id,
        it.subject.project_id,
        changed[:_TEXT],
        it.outcome.value,
        it.error,
    )
