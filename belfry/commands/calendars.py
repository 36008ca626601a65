"""`belfry calendars`: list, show, days."""

from __future__ import annotations

from typing import Annotated

import typer

from belfry import session
from belfry.client import at
from belfry.commands import given
from belfry.screen import columns
from belfry.session import AsJson, Every, Limit

app = typer.Typer(no_args_is_help=True, help="Calendars that schedules observe.")

_LIST = columns("id", "name", "project=project_id", "timezone", "version", "updated_at")
_DAYS = columns("day", "whole", "begin", "end", "reason")


@app.command("list")
def list_calendars(
    context: typer.Context, limit: Limit = 50, every: Every = False, as_json: AsJson = False
) -> None:
    """The calendars, by their names."""
    given.show_list(
        context, at("calendars"), "calendars", _LIST, limit=limit, every=every, as_json=as_json
    )


@app.command()
def show(context: typer.Context, calendar: str, as_json: AsJson = False) -> None:
    """One calendar, by its id."""
    found = session.client(context).get(at("calendars", calendar))
    screen = session.screen(as_json)
    screen.document(found) if as_json else screen.object(found)


@app.command()
def days(
    context: typer.Context,
    calendar: str,
    since: Annotated[str | None, typer.Option("--from", help="A day, such as 2030-12-01.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="The last day.")] = None,
    as_json: AsJson = False,
) -> None:
    """What is closed on each day, and why."""
    params = {"from": since, "to": until}
    found = session.client(context).get(at("calendars", calendar, "days"), **params)
    screen = session.screen(as_json)
    screen.document(found) if as_json else screen.table(found["days"], _DAYS)
