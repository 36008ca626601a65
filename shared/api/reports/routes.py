"""`/api/v1/reports`: the reports that are kept: of costs each day (L4), and of each week (O3)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from shared.api.deps import Provided
from shared.api.fields import formed
from shared.api.lists import PAGE_SIZE, Page, Paged, PageSize, page_of
from shared.api.query import DayText, day
from shared.api.roles import needs
from shared.api.shown import Shown
from shared.errors import NotFound
from shared.notifications.kinds.cost_report import CostReport
from shared.weekly.formats import ReportFormat
from shared.weekly.model import WeeklyReport
from shared.weekly.week import NAME, Week

router = APIRouter(prefix="/api/v1/reports", tags=["reports"])

_SVG = "image/svg+xml"

_CURRENCY = "[A-Z]{3}"
Currency = Annotated[
    Annotated[str, formed(_CURRENCY, "give three capital letters, such as USD")] | None,
    Query(json_schema_extra={"pattern": f"^{_CURRENCY}$"}),
]
"""By ISO 4217, such as USD."""


WeekText = Annotated[str, formed(NAME, "give a week by ISO 8601, such as 2026-W48")]
"""A week, such as `2026-W48`."""
WrittenAs = Annotated[ReportFormat, Query(description="As what it is written; JSON has the most.")]


class StoredReport(Shown):
    """A report that is kept."""

    kind: Literal["cost"] = "cost"
    day: date
    """In UTC."""
    url: str
    """Where it is read."""


class ReportList(Paged):
    reports: list[StoredReport]


@router.get("")
@needs(everything=True)
def list_reports(app: Provided, page: Page = 1, page_size: PageSize = PAGE_SIZE) -> ReportList:
    """The reports that are kept, newest first."""
    shown, paged = page_of(app().finance().reports.days(), page, page_size)
    reports = [StoredReport(day=one, url=f"{router.prefix}/cost/{one}") for one in shown]
    return ReportList(reports=reports, **paged)


class StoredWeek(Shown):
    """The report of a week that is kept."""

    week: str
    """By ISO 8601, such as `2026-W48`."""
    first_day: date
    """Monday, in UTC."""
    last_day: date
    """Sunday."""
    url: str
    """Where it is read, in each format."""


class WeekList(Paged):
    reports: list[StoredWeek]


@router.get("/weekly")
@needs(everything=True)
def list_weekly_reports(app: Provided, page: Page = 1, page_size: PageSize = PAGE_SIZE) -> WeekList:
    """The reports of weeks that are kept, newest first."""
    shown, paged = page_of(app().weekly().store.weeks(), page, page_size)
    reports = [
        StoredWeek(
            week=one.name,
            first_day=one.monday,
            last_day=one.sunday,
            url=f"{router.prefix}/weekly/{one.name}",
        )
        for one in shown
    ]
    return WeekList(reports=reports, **paged)


@router.get(
    "/weekly/{week}",
    response_model=WeeklyReport,
    responses={200: {"content": {one.content_type: {} for one in ReportFormat}}},
)
@needs(everything=True)
def read_weekly_report(
    app: Provided, week: WeekText, format: WrittenAs = ReportFormat.JSON
) -> WeeklyReport | Response:
    """What happened in a week, against the four weeks before: its figures, highlights and
    recommendations, each with the figure that it comes from."""
    found, store = Week.parse(week), app().weekly().store
    if format is ReportFormat.JSON:
        return store.get(found)
    return Response(store.file(found, format), media_type=format.content_type)


@router.get("/cost/{day}")
@needs(everything=True)
def read_cost_report(app: Provided, day: DayText) -> CostReport:
    """What a day cost and earned, by currency, in minor units such as cents."""
    return app().finance().reports.get(_read(day))


@router.get("/cost/{day}/chart.svg", response_class=Response)
@needs(everything=True)
def read_cost_chart(app: Provided, day: DayText, currency: Currency = None) -> Response:
    """A chart of what the 30 days up to that day cost and earned, as SVG (`image/svg+xml`).

    Without `currency`, it is the report's first.
    """
    from shared.notifications import rendering

    report = app().finance().reports.get(_read(day))
    wanted = [one for one in report.currencies if currency in (None, one.currency)][:1]
    shown = report.model_copy(update={"currencies": tuple(wanted)}).model_dump(mode="json")
    drawn = rendering.charts("cost_report", shown, "en")
    if not drawn:
        there = ", ".join(one.currency for one in report.currencies)
        hint = f"; it has {there}" if there else ", since nothing was recorded"
        raise NotFound(
            f"the cost report of {day} has no chart in {currency or 'any currency'}{hint}"
        )
    return Response(next(iter(drawn.values())), media_type=_SVG)


def _read(text: str) -> date:
    return day("day", text)
