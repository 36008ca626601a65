"""Which jobs go into the archive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.archive.going import Candidate, Kept, Newest, border_of, candidate, newest, stays

BORDER = datetime(2026, 9, 1, tzinfo=UTC)
DAY = timedelta(days=1)
DUE = datetime(2026, 8, 1, 3, tzinfo=UTC)
KEY = "job:nightly:8214454799:nightly-20260801T030000Z"
ROW = {
    "RowKey": KEY,
    "due_at": "2026-08-01T03:00:00+00:00",
    "finished_at": "2026-08-01T03:00:01.5+00:00",
}
OLD = Candidate(KEY, "nightly-20260801T030000Z", "nightly", DUE, DUE)


def test_the_border_is_the_beginning_of_a_day() -> None:
    now = datetime(2026, 11, 30, 3, 40, tzinfo=UTC)
    assert border_of(now, 90 * DAY) == datetime(2026, 9, 1, tzinfo=UTC)


def test_a_job_that_ended_before_the_border_goes() -> None:
    assert candidate(ROW, BORDER) == OLD
    assert candidate(ROW | {"last_due_at": ""}, BORDER) == OLD


@pytest.mark.parametrize(
    "changed",
    [
        {"finished_at": "2026-09-01T00:00:00+00:00"},
        {"last_due_at": "2026-09-01T00:00:00+00:00"},
        {"finished_at": ""},
        {"finished_at": 5},
        {"due_at": "2026-08-02T03:00:00+00:00"},
        {"due_at": "yesterday"},
        {"RowKey": "job:nightly:8214454799:what"},
        {"RowKey": "job:nightly:8214454799:nightly-20261301T030000Z"},
    ],
)
def test_what_ended_later_reaches_further_or_cannot_be_read_stays(changed: dict[str, Any]) -> None:
    assert candidate(ROW | changed, BORDER) is None


@pytest.mark.parametrize(
    "kept",
    [
        Kept(live={"nightly-20260801T030000Z"}),
        Kept(noted={"nightly-20260801T030000Z"}),
        Kept(unreadable={"nightly"}),
    ],
)
def test_what_something_stored_needs_stays(kept: Kept) -> None:
    assert stays(OLD, kept)
    assert not stays(OLD, Kept(live={"other"}, noted={"other"}, unreadable={"other"}))


@pytest.mark.parametrize(
    ("last_due", "manual", "told"),
    [
        (None, False, Newest.ASK),
        (BORDER + DAY, False, Newest.NO),
        (BORDER + DAY, True, Newest.NO),
        (DUE, False, Newest.YES),
        (DUE, True, Newest.ASK),
        (DUE + DAY, False, Newest.ASK),
    ],
)
def test_the_schedules_row_tells_whether_a_job_is_its_newest(
    last_due: datetime | None, manual: bool, told: Newest
) -> None:
    by = "nightly-20260801T030000Z-byhand" if manual else OLD.job_id
    one = Candidate(KEY, by, "nightly", DUE, DUE)
    kept = Kept(last_due={} if last_due is None else {"nightly": last_due})
    assert newest(one, kept, BORDER) is told
