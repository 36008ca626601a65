"""`/api/v1/usage`: the counters of a tenant, day by day, open and closed (L3)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from shared.api.deps import Provided
from shared.api.lists import PAGE_SIZE, Page, Paged, PageSize, counts
from shared.api.query import DIGITS
from shared.api.roles import needs
from shared.api.shown import Shown
from shared.api.spans import FirstDay, LastDay, days

router = APIRouter(prefix="/api/v1/usage", tags=["usage"])

_MOST = 2**31 - 1

TenantId = Annotated[int, Field(ge=1, le=_MOST), DIGITS, Query(description="The tenant's id.")]


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
@needs(everything=True)
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
    first, last = days(since, until)
    found, total = app().finance().usage(tenant_id, first, last, page, page_size)
    return UsageList(
        usage=[UsageOut.model_validate(one) for one in found], **counts(total, page, page_size)
    )
