"""`belfry calendars`: list, show, days."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from belfry import session
from belfry.client import Client, at
from belfry.commands import given
from belfry.problems import Exit, Failure
from belfry.screen import columns
from belfry.session import AsJson, Every, Limit

app = typer.Typer(no_args_is_help=True, help="Calendars that schedules observe.")

_LIST = columns("id", "name", "project=project_id", "timezone", "version", "updated_at")
_DAYS = columns("day", "whole", "begin", "end", "reason")
_ID = re.compile("c[0-9a-f]{12}")
Calendar = Annotated[str, typer.Argument(metavar="CALENDAR", help="Its name, or its id.")]


@app.command("list")
def list_calendars(
    context: typer.Context, limit: Limit = 50, every: Every = False, as_json: AsJson = False
) -> None:
    """The calendars, by their names."""
    given.show_list(
        context, at("calendars"), "calendars", _LIST, limit=limit, every=every, as_json=as_json
    )


@app.command()
def show(context: typer.Context, calendar: Calendar, as_json: AsJson = False) -> None:
    """One calendar."""
    client = session.client(context)
    found = client.get(at("calendars", _id_of(client, calendar)))
    screen = session.screen(as_json)
    screen.document(found) if as_json else screen.object(found)


@app.command()
def days(
    context: typer.Context,
    calendar: Calendar,
    since: Annotated[str | None, typer.Option("--from", help="A day, such as 2030-12-01.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="The last day.")] = None,
    as_json: AsJson = False,
) -> None:
    """What is closed on each day, and why."""
    params = {"from": since, "to": until}
    client = session.client(context)
    found = client.get(at("calendars", _id_of(client, calendar), "days"), **params)
    screen = session.screen(as_json)
    screen.document(found) if as_json else screen.table(found["days"], _DAYS)


def _id_of(client: Client, given: str) -> str:
    """The id of the calendar of that name, of which several projects may each have one; an id is
    taken as it is. Raises `Failure`."""
    if _ID.fullmatch(given):
        return given
    listed = client.walk(at("calendars"), "calendars")
    found = [one for one in listed if one["name"].casefold() == given.strip().casefold()]
    if not found:
        raise Failure(Exit.NOT_FOUND, f"there is no calendar {given!r:.80}")
    if len(found) > 1:
        which = ", ".join(f"{one['id']} ({_whose(one['project_id'])})" for one in found)
        raise Failure(
            Exit.WRONG, f"several calendars have the name {given!r:.80}; give an id: {which}"
        )
    return str(found[0]["id"])


def _whose(project_id: int | None) -> str:
    return "all projects" if project_id is None else f"project {project_id}"
