"""`/api/v1/usage`: the counters of a tenant, day by day, open and closed (L3)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from shared.api.deps import Provided
from shared.api.lists import PAGE_SIZE, Page, Paged, PageSize, counts
from shared.api.query import DIGITS, DayText, day
from shared.api.shown import Shown
from shared.errors import Invalid

router = APIRouter(prefix="/api/v1/usage", tags=["usage"])

_EXAMPLE = {"a day": {"value": "2030-01-31"}}
_MOST = 2**31 - 1

TenantId = Annotated[int, Field(ge=1, le=_MOST), DIGITS, Query(description="The tenant's id.")]
FirstDay = Annotated[
    DayText | None, Query(alias="from", openapi_examples=_EXAMPLE, description="The first day.")
]
LastDay = Annotated[
    DayText | None,
    Query(alias="to", openapi_examples=_EXAMPLE, description="The last day, itself included."),
]


class UsageOut(Shown):
    """A counter on a day of its tenant's."""

    counter: str
    day: date
    value: int
    closed_at: datetime | None
    """When the day was closed; null as long as it is open, and the value may still grow."""


class UsageList(Paged):
    usage: list[UsageOut]


@router.get("", responses={404: {}})
def list_usage(
    app: Provided,
    tenant_id: TenantId,
    since: FirstDay = None,
    until: LastDay = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> UsageList:
    """A tenant's counters, by counter and day, from the day `from` to the day `to`.

    Without them, all days. Days are the tenant's; those that are closed no longer change.
    """
    first = None if since is None else day("from", since)
    last = None if until is None else day("to", until)
    if first is not None and last is not None and first > last:
        raise Invalid("from", f"{first} is later than `to`, {last}")
    found, total = app().finance().usage(tenant_id, first, last, page, page_size)
    return UsageList(
        usage=[UsageOut.model_validate(one) for one in found], **counts(total, page, page_size)
    )
