"""`belfry status`, `audit`."""

from __future__ import annotations

from typing import Annotated

import typer

from belfry import session
from belfry.client import at
from belfry.commands import given
from belfry.commands.given import Project
from belfry.screen import columns
from belfry.session import AsJson, Every, Limit

_AUDIT = (
    *columns("number", "at", "by=by.name", "action", "kind=subject.kind", "id=subject.id"),
    *columns("outcome"),
    ("changed", lambda row: [one["path"] for one in row["changes"]]),
)
_TASKS = columns("name", "schedule", "enabled", "next=next_run_at", "last=last.status")
_LAST = columns("name", "job=last.job_id", "status=last.status", "finished=last.finished_at")
_BAD = ("failed", "missed")


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """How Belfry is: its clocks, its tasks whose last run failed, and all runs in numbers."""
    client = session.client(context)
    screen = session.screen(as_json)
    found = client.get("/status")
    if as_json:
        screen.document(found)
        return
    clocks = client.get("/ops/uptime")
    screen.object(
        {"status": clocks["status"], "silent_clocks": clocks["silent"]}
        | {name: one for name, one in found.items() if not isinstance(one, dict | list)}
    )
    screen.line("")
    screen.object(client.get(at("schedules", "statistics", "summary")))
    bad = [one for one in found["jobs"] if one["last"] and one["last"]["status"] in _BAD]
    if bad:
        screen.line("")
        screen.table(bad, _LAST)


def tasks(context: typer.Context, as_json: AsJson = False) -> None:
    """The tasks that there are."""
    found = session.client(context).get(at("tasks"))
    screen = session.screen(as_json)
    screen.document(found) if as_json else screen.table(found["tasks"], _TASKS)


def audit(
    context: typer.Context,
    schedule: Annotated[str | None, typer.Option(help="Of this schedule.")] = None,
    project: Project = None,
    actor: Annotated[str | None, typer.Option(help="The name of who did it.")] = None,
    action: Annotated[str | None, typer.Option(help="Such as create, change, delete.")] = None,
    kind: Annotated[str | None, typer.Option(help="Such as schedule, job, key.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="With its offset.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="With its offset.")] = None,
    limit: Limit = 50,
    every: Every = False,
    as_json: AsJson = False,
) -> None:
    """Who changed what, when, newest first."""
    given.show_list(
        context, at("audit"), "entries", _AUDIT, limit=limit, every=every, as_json=as_json,
        schedule_id=schedule, project_id=project, actor=actor, action=action, kind=kind,
        **{"from": since, "to": until},
    )  # fmt: skip


def add(app: typer.Typer) -> None:
    """The commands of this file."""
    for one in (status, tasks, audit):
        app.command()(one)
