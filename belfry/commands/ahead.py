"""`belfry preview`, `backfill`, `backfills`: runs that are to come, and past ones to be run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from belfry import session
from belfry.client import Json, at
from belfry.commands import given
from belfry.commands.given import ScheduleId, Yes
from belfry.problems import Exit, Failure
from belfry.screen import Screen, columns
from belfry.session import AsJson, Every, Limit

_RUNS = columns("local", "due_at", "state", "reason", "clock=clock_change.effect")
_BACKFILLS = columns("id", "state", "from", "to", "total", "succeeded", "failed", "remaining")
_WHOLE = columns("total", "first=first_due_at", "last=last_due_at", "limit")


def preview(
    context: typer.Context,
    schedule: Annotated[str | None, typer.Argument(metavar="[SCHEDULE]")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="One that is not there yet: its body.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="How many runs.")] = 10,
    since: Annotated[str | None, typer.Option("--from", help="With its offset.")] = None,
    language: Annotated[str | None, typer.Option(help="Of the words, such as de.")] = None,
    as_json: AsJson = False,
) -> None:
    """The coming runs of a schedule, its recurrence in words, and warnings."""
    client = session.client(context)
    params = {"count": count, "from": since, "language": language}
    if (schedule is None) == (file is None):
        raise Failure(Exit.WRONG, "give a schedule's id, or --file")
    if schedule is not None:
        found = client.get(at("schedules", schedule, "preview"), **params)
    else:
        body = given.body(file or Path("-"))
        found = client.ask("POST", at("schedules", "preview"), params=params, body=body).body
    screen = session.screen(as_json)
    if as_json:
        screen.document(found)
        return
    screen.note(f"{found['words']} ({found['timezone']})")
    screen.table(found["runs"], _RUNS)
    for one in found["warnings"]:
        screen.note(f"warning: {one['message']}")


def backfill(
    context: typer.Context,
    schedule: ScheduleId,
    since: Annotated[str, typer.Option("--from", help="The first due time, with its offset.")],
    until: Annotated[str, typer.Option("--to", help="Due times before it; not in the future.")],
    rule: Annotated[str | None, typer.Option(help="ledger or present.")] = None,
    pace: Annotated[int | None, typer.Option(help="How many at once.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Run what was due in a past range, after showing how many runs that is."""
    client = session.client(context)
    screen = session.screen(as_json)
    path = at("schedules", schedule, "backfill")
    asked: Json = {"from": since, "to": until, "rule": rule, "pace": pace}
    body = {name: value for name, value in asked.items() if value is not None}
    seen = client.make(path, body | {"dry_run": True}).body
    if dry_run:
        screen.document(seen) if as_json else screen.table([seen], _WHOLE)
        return
    given.confirm(f"Run {seen['total']} jobs of {schedule}?", yes)
    _tell(screen, client.make(path, body).body)


def list_backfills(
    context: typer.Context,
    schedule: ScheduleId,
    limit: Limit = 50,
    every: Every = False,
    as_json: AsJson = False,
) -> None:
    """The backfills of a schedule, newest first."""
    path = at("schedules", schedule, "backfills")
    given.show_list(
        context, path, "backfills", _BACKFILLS, limit=limit, every=every, as_json=as_json
    )


def cancel_backfill(
    context: typer.Context, schedule: ScheduleId, backfill: str, as_json: AsJson = False
) -> None:
    """Cancel a backfill; what runs goes on to its end."""
    path = at("schedules", schedule, "backfills", backfill, "cancel")
    _tell(session.screen(as_json), session.client(context).ask("POST", path).body)


def _tell(screen: Screen, one: Json) -> None:
    screen.document(one) if screen.json else screen.table([one], _BACKFILLS)


def add(app: typer.Typer) -> None:
    """The commands of this file."""
    app.command()(preview)
    app.command()(backfill)
    app.command("backfills")(list_backfills)
    app.command("cancel-backfill")(cancel_backfill)
