"""`belfry health`, `conflicts`: which schedules are not well, and which meet."""

from __future__ import annotations

from typing import Annotated

import typer

from belfry import session
from belfry.client import at
from belfry.commands import given
from belfry.commands.given import Project
from belfry.screen import columns
from belfry.session import AsJson, Every, Limit

_UNWELL = (
    *columns("id=schedule_id", "name", "project=project_id", "verdict", "since"),
    ("reasons", lambda one: [reason["text"] for reason in one["reasons"]]),
)
_REASONS = columns("kind", "since", "text")
_BANDS = columns("metric", "last", "unusual", "usual", "low", "high", "runs")
_CONFLICTS = (
    ("id", lambda one: one["schedules"][0]["schedule_id"]),
    ("meets", lambda one: one["schedules"][1]["schedule_id"]),
    ("on", lambda one: [f"{shared['kind']} {shared['value']}" for shared in one["shares"]]),
    *columns("first=first_at", "times"),
)


def health(
    context: typer.Context,
    schedule: Annotated[
        str | None,
        typer.Argument(
            metavar="[SCHEDULE]", help="Its id.", autocompletion=given.complete_schedule
        ),
    ] = None,
    project: Project = None,
    verdict: Annotated[str | None, typer.Option(help="look or critical.")] = None,
    limit: Limit = 50,
    every: Every = False,
    as_json: AsJson = False,
) -> None:
    """How one schedule is; without one: those that are not well, the worst first."""
    if schedule is None:
        given.show_list(
            context, at("schedules", "health", "list"), "schedules", _UNWELL, limit=limit,
            every=every, as_json=as_json, project_id=project, verdict=verdict,
        )  # fmt: skip
        return
    found = session.client(context).get(at("schedules", schedule, "health"))
    screen = session.screen(as_json)
    if as_json:
        screen.document(found)
        return
    screen.object({name: one for name, one in found.items() if name not in ("reasons", "bands")})
    for rows, shown in ((found["reasons"], _REASONS), (found["bands"], _BANDS)):
        if rows:
            screen.line("")
            screen.table(rows, shown)


def conflicts(context: typer.Context, project: Project = None, as_json: AsJson = False) -> None:
    """Which schedules of a project meet on the same task or resource in the coming week.

    Without --project: of the key's project, or those that belong to none."""
    found = session.client(context).get(at("schedules", "conflicts"), project_id=project)
    screen = session.screen(as_json)
    if as_json:
        screen.document(found)
        return
    screen.table(found["conflicts"], _CONFLICTS)
    if not found["complete"]:
        screen.note("there may be more: not every run of the week could be compared")


def add(app: typer.Typer) -> None:
    """The commands of this file."""
    app.command()(health)
    app.command()(conflicts)
