"""The span of time that a report is about."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from math import ceil
from typing import Annotated

from fastapi import Query

from shared.api.query import DayText, day
from shared.errors import Invalid

LONGEST = timedelta(days=366)
_EXAMPLE = {"a day": {"value": "2030-01-31"}}
FirstDay = Annotated[
    DayText | None, Query(alias="from", openapi_examples=_EXAMPLE, description="The first day.")
]
LastDay = Annotated[
    DayText | None,
    Query(alias="to", openapi_examples=_EXAMPLE, description="The last day, itself included."),
]


def days(since: str | None, until: str | None) -> tuple[date | None, date | None]:
    """The days of `FirstDay` and `LastDay`. Raises `Invalid`, also if the last comes first."""
    first = None if since is None else day("from", since)
    last = None if until is None else day("to", until)
    if first is not None and last is not None and first > last:
        raise Invalid("from", f"{first} is later than `to`, {last}")
    return first, last


def spanned(
    since: datetime | None, until: datetime | None, now: datetime, usual: timedelta
) -> tuple[datetime, datetime]:
    """The span asked for. Without an end, it ends now, or `usual` after its beginning if that is
    earlier; without a beginning, it begins `usual` before its end. Raises `Invalid` if it is longer
    than `LONGEST`."""
    end = until or (now if since is None else max(since, min(now, since + usual)))
    first = since or end - usual
    hold(first, end, "from" if until is None else "to")
    return first, end


def hold(first: datetime, end: datetime, field: str) -> None:
    """Raise `Invalid` naming `field` if the span is longer than `LONGEST`."""
    if end - first > LONGEST:
        days = ceil((end - first) / timedelta(days=1))
        raise Invalid(field, f"the span is {days} days; ask for {LONGEST.days} days at most")
