"""How long a restore will take: as long as the slowest of the last few proofs and restores of the
database. A single one does not tell how busy the machines will be."""

from __future__ import annotations

from collections.abc import Iterable

from shared.backups.model import Outcome, Report
from shared.backups.store.entries import Backup

_LAST = 5
_MARGIN = 5.0
"""A difference in seconds that does not matter."""
_MORE = 1.2
"""The expectation was right if the restore took at most this many times as long,"""
_LESS = 0.5
"""and at least this many times."""


def slowest(backups: Iterable[Backup]) -> Report | None:
    """The slowest of the last proofs (by a restore) and restores for good; None if there is none.
    `backups`: all backups of one database."""
    known = [
        report
        for backup in backups
        for copy in backup.copies
        for report in copy.reports
        if report.restore_seconds is not None
        and report.outcome in (Outcome.VERIFIED, Outcome.RESTORED)
    ]
    known.sort(key=lambda report: report.at)
    return max(known[-_LAST:], key=lambda report: report.restore_seconds or 0.0, default=None)


def of_same(backups: Iterable[Backup], source: str, database: str, scope: str) -> list[Backup]:
    """The backups of one database, whichever plan took them."""
    return [one for one in backups if one.group[1:] == (source, database, scope)]


def wrong_by(expected: float, seconds: float) -> str:
    """What to say if a restore was slower than expected, or much faster; else empty."""
    if seconds > expected * _MORE + _MARGIN:
        return f"it took {seconds:.0f} s, longer than the {expected:.0f} s that were expected"
    if seconds + _MARGIN < expected * _LESS:
        return f"it took {seconds:.0f} s, less than half of the {expected:.0f} s that were expected"
    return ""
