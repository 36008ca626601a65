"""A report as tests make it: of values by figure for five weeks, the oldest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from shared.weekly import comparing, making
from shared.weekly.figures import Number, Values
from shared.weekly.model import Lateness, WeeklyReport
from shared.weekly.port import Said
from shared.weekly.week import Week

WEEK = Week(date(2026, 11, 23))
DUE = datetime(2026, 11, 30, 9, 30, tzinfo=UTC)
Rows = Mapping[str, Sequence["Number | None"]]


def report(rows: Rows, notes: Mapping[str, str] | None = None) -> WeeklyReport:
    """The report of `WEEK`."""
    weeks = comparing.weeks_of(WEEK)
    said = {
        section: Said(
            weeks={week: _of(rows, section, at) for at, week in enumerate(weeks)},
            note=(notes or {}).get(section),
        )
        for section in dict.fromkeys([one.partition(".")[0] for one in rows] + [*(notes or {})])
    }
    return making.report(WEEK, DUE, said, {}, Lateness(at=DUE, counts=(1, 2)))


def _of(rows: Rows, section: str, at: int) -> Values:
    return {name: row[at] for name, row in rows.items() if name.partition(".")[0] == section}


BAD: Rows = {
    "runs.ended": [1_700, 1_790, 1_810, 1_790, 1_842],
    "runs.succeeded": [1_688, 1_781, 1_799, 1_779, 1_730],
    "runs.failed": [12, 9, 11, 11, 112],
    "runs.failure_percent": [0.71, 0.5, 0.61, 0.61, 6.08],
    "runs.missed": [0, 0, 1, 0, 9],
    "runs.skipped": [3, 3, 3, 3, 3],
    "runs.cancelled": [0, 0, 0, 0, 1],
    "runs.backfilled": [0, 0, 0, 0, 0],
    "lateness.counted": [None, None, 1_700, 1_690, 1_701],
    "lateness.p50": [None, None, 0.4, 0.4, 0.6],
    "lateness.p95": [None, None, 2.1, 1.9, 34.5],
    "lateness.max": [None, None, 30.0, 30.0, 900.0],
    "company.cost.EUR": [40_000, 41_000, 39_500, 40_200, 71_240],
    "company.cost.JPY": [9_000, 9_000, 9_000, 9_000, 9_100],
    "company.revenue.EUR": [90_000, 91_000, 92_000, 90_500, 52_010],
    "company.margin.EUR": [50_000, 50_000, 52_500, 50_300, -19_230],
    "company.fees_failed": [0, 0, 0, 0, 2],
    "messages.asked": [None, 210, 220, 230, 240],
    "messages.cost.EUR": [None, 1_800, 1_900, 1_950, 2_010],
    "backups.taken": [14, 14, 14, 14, 13],
    "backups.proved": [14, 14, 14, 14, 12],
    "backups.unproved": [0, 0, 0, 0, 1],
    "backups.missing": [0, 0, 0, 0, 1],
    "backups.oldest_good_hours": [11.0, 10.5, 10.9, 11.2, 52.1],
    "approvals.asked": [None, None, None, 4, 6],
    "approvals.expired": [None, None, None, 0, 2],
    "approvals.median_wait_seconds": [None, None, None, 3_600.0, 5_400.0],
    "workflows.started": [None, None, 20, 25, 60],
    "workflows.ended": [None, None, 20, 25, 58],
    "workflows.failed": [None, None, 1, 0, 8],
    "workflows.failure_percent": [None, None, 5.0, 0.0, 13.79],
}
"""A week in which much is wrong."""
