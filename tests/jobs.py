"""All jobs that there are, page by page, as somebody walks through a list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from shared.app import App
from shared.jobs.entry import Filter, ceiling
from shared.schedules.job import Job
from shared.schedules.model import Schedule

_PAGE = 100


def jobs_of(
    app: App,
    schedule_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Job]:
    """Jobs due from `since` on and before `until`, of one schedule or of all, latest due first."""
    wanted = Filter(
        schedule_id=schedule_id,
        since=None if since is None else ceiling(since),
        until=None if until is None else ceiling(until),
    )
    return list(_walked(app, wanted))


def _walked(app: App, wanted: Filter) -> Iterator[Job]:
    page = app.jobs.after(wanted, None, _PAGE)
    yield from page.jobs
    while page.following is not None:
        page = app.jobs.after(wanted, page.following, _PAGE)
        yield from page.jobs


def busy(app: App) -> list[Schedule]:
    """Every schedule with live jobs."""
    return [one for one in app.table.schedules() if one.progress.live]
