"""`/api/v1/reports`: the reports that are kept; so far the cost report of each day (L4)."""

from __future__ import annotations

from datetime import date
from typing import Literal

from fastapi import APIRouter

from shared.api.deps import Provided
from shared.api.lists import PAGE_SIZE, Page, Paged, PageSize, page_of
from shared.api.query import DayText, day
from shared.api.shown import Shown
from shared.notifications.kinds.cost_report import CostReport

router = APIRouter(prefix="/api/v1/reports", tags=["reports"])

_SVG = "image/svg+xml"


class ReportOut(Shown):
    """A report that is kept."""

    kind: Literal["cost"] = "cost"
    day: date
    """In UTC."""
    url: str
    """Where it is read."""


class ReportList(Paged):
    reports: list[ReportOut]


@router.get("")
def list_reports(app: Provided, page: Page = 1, page_size: PageSize = PAGE_SIZE) -> ReportList:
    """The reports that are kept, newest first."""
    shown, paged = page_of(app().finance().reports.days(), page, page_size)
    reports = [ReportOut(day=one, url=f"{router.prefix}/cost/{one}") for one in shown]
    return ReportList(reports=reports, **paged)


@router.get("/cost/{day}")
def read_cost_report(app: Provided, day: DayText) -> CostReport:
    """What a day cost and earned, by currency, in minor units such as cents."""
    return app().finance().reports.get(_read(day))


def _read(text: str) -> date:
    return day("day", text)
