"""The span of a report: what is left out of it is chosen so that it fits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.api.spans import LONGEST, days, spanned
from shared.errors import Invalid

NOW = datetime(2026, 11, 29, tzinfo=UTC)
DAY = timedelta(days=1)
WEEK = 7 * DAY


@pytest.mark.parametrize(
    ("since", "until", "span"),
    [
        (None, None, (NOW - WEEK, NOW)),
        (NOW - DAY, None, (NOW - DAY, NOW)),
        (NOW - 30 * DAY, None, (NOW - 30 * DAY, NOW - 23 * DAY)),
        (NOW + DAY, None, (NOW + DAY, NOW + DAY)),
        (None, NOW - DAY, (NOW - DAY - WEEK, NOW - DAY)),
        (NOW - LONGEST, NOW, (NOW - LONGEST, NOW)),
    ],
)
def test_an_end_that_is_not_given_is_chosen(
    since: datetime | None, until: datetime | None, span: tuple[datetime, datetime]
) -> None:
    assert spanned(since, until, NOW, WEEK) == span


def test_a_span_that_is_too_long_is_told() -> None:
    with pytest.raises(Invalid, match="to: the span is 367 days; ask for 366 days at most"):
        spanned(NOW - LONGEST - timedelta(seconds=1), NOW, NOW, WEEK)


@pytest.mark.parametrize("text", ["0001-01-01", "1899-12-31", "9001-01-01", "9999-12-31"])
def test_a_day_without_days_around_it_is_refused(text: str) -> None:
    """A span may begin 30 days before its last day."""
    for since, until in ((text, None), (None, text)):
        with pytest.raises(Invalid, match="give a year from 1900 to 9000"):
            days(since, until)


_TIMES = st.none() | st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(
    lambda at: at.replace(tzinfo=UTC)
)


@given(_TIMES, _TIMES)
def test_no_span_ends_before_it_begins(since: datetime | None, until: datetime | None) -> None:
    if since is not None and until is not None and (since > until or until - since > LONGEST):
        return
    first, end = spanned(since, until, NOW, WEEK)
    assert first <= end and end - first <= LONGEST
    assert since in (None, first) and until in (None, end)
