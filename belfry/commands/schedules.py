"""`belfry list`, `show`, `create`, `change`, `delete`, `enable`, `disable`, `runs`."""

from __future__ import annotations

from typing import Annotated

import typer

from belfry import session
from belfry.client import Json, at
from belfry.commands import given, jobs
from belfry.commands.fields import Fields, Frequency, with_fields
from belfry.commands.given import Force, Known, Project, ScheduleId, ScheduleIds, Tags, Yes
from belfry.problems import Exit, Failure
from belfry.screen import Screen, cell, columns
from belfry.session import AsJson, Every, Limit

_LIST = columns(
    "id", "name", "project=project_id", "task=task_type", "state", "next=next_run_at",
    "last=last_run_at", "success=success_rate",
)  # fmt: skip
_LATEST = 10
_SECRET = ("heartbeat_url",)
"""What is not shown as it was typed."""
_RUNS = columns("due_at", "state", "job=job_id", "lateness_seconds", "reason")


def list_schedules(
    context: typer.Context,
    project: Project = None,
    enabled: Annotated[bool | None, typer.Option("--enabled/--disabled")] = None,
    task: Annotated[str | None, typer.Option(help="A task's name.")] = None,
    frequency: Frequency = None,
    state: Annotated[str | None, typer.Option(help="healthy, failing, paused or ended.")] = None,
    tag: Tags = None,
    calendar: Annotated[str | None, typer.Option(help="A calendar that it observes.")] = None,
    search: Annotated[str | None, typer.Option(help="Text in the name.")] = None,
    once: Annotated[bool | None, typer.Option("--once", help="Also single runs.")] = None,
    limit: Limit = 50,
    every: Every = False,
    as_json: AsJson = False,
) -> None:
    """Schedules that fit every filter, newest first."""
    tags = {f"tags.{name}": value for name, value in given.pairs(tag, "--tag").items()}
    given.show_list(
        context, at("schedules"), "schedules", _LIST, limit=limit, every=every, as_json=as_json,
        project_id=project, enabled=enabled, task_type=task, frequency=frequency, state=state,
        calendar=calendar, q=search, once=once, **tags,
    )  # fmt: skip


def show(context: typer.Context, schedule: ScheduleId, as_json: AsJson = False) -> None:
    """One schedule, and its latest jobs."""
    client = session.client(context)
    screen = session.screen(as_json)
    found = client.get(at("schedules", schedule))
    if as_json:
        screen.document(found)
        return
    screen.object(found)
    screen.line("")
    latest = client.get(at("jobs"), schedule_id=schedule, page_size=_LATEST)
    if latest["jobs"]:
        screen.table(latest["jobs"], jobs.LIST)
    else:
        screen.note("it has no jobs yet")


def runs(
    context: typer.Context,
    schedule: ScheduleId,
    since: Annotated[str | None, typer.Option("--from", help="With its offset.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="With its offset.")] = None,
    limit: Limit = 50,
    every: Every = False,
    as_json: AsJson = False,
) -> None:
    """What was to run, how it ended, and what is to come, oldest first.

    A day before now and a day after, if --from and --to do not say otherwise."""
    path = at("schedules", schedule, "occurrences")
    given.show_list(
        context, path, "occurrences", _RUNS, limit=limit, every=every, as_json=as_json,
        **{"from": since, "to": until},
    )  # fmt: skip


@with_fields
def create(
    context: typer.Context,
    fields: Fields,
    task: Annotated[str | None, typer.Option(help="The task that it runs.")] = None,
    project: Project = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Turned off.")] = False,
    as_json: AsJson = False,
) -> None:
    """Create a schedule, of a file, of options, or both: options win."""
    enabled = False if disabled else None
    body = fields.body(task_type=task, project_id=project, enabled=enabled)
    answer = session.client(context).make(at("schedules"), body)
    _tell(answer.body, as_json)


@with_fields
def change(
    context: typer.Context,
    schedule: ScheduleId,
    fields: Fields,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Change what is given. Tags, parameters and lists replace those before."""
    body = fields.body()
    if not body:
        raise Failure(Exit.WRONG, "nothing to change was given; --help shows what there is")
    client = session.client(context)
    path = at("schedules", schedule)
    known = None if force else Known.read(client, path)
    if known is not None:
        _note_differences(session.screen(as_json), known.shown, body)
    answer = client.ask("PATCH", path, body=body, headers=known.still if known else {})
    _tell(answer.body, as_json)


def delete(
    context: typer.Context, schedules: ScheduleIds, yes: Yes = False, force: Force = False
) -> None:
    """Show schedules and delete them; their jobs stay readable."""
    client, screen = session.client(context), session.screen()
    paths = {one: at("schedules", one) for one in schedules}
    known = {} if force else {one: Known.read(client, path) for one, path in paths.items()}
    for one in known.values():
        screen.note("  ".join(cell(read(one.shown)) for _, read in _LIST))
    given.confirm(f"Delete {', '.join(schedules)}?", yes)
    for name, path in paths.items():
        client.ask("DELETE", path, headers=known[name].still if name in known else {})
        screen.line(f"{name} deleted")


def _note_differences(screen: Screen, shown: Json, body: Json) -> None:
    """What is about to change, field by field; beside the result."""
    for name, value in body.items():
        if name in shown and shown[name] != value and name not in _SECRET:
            screen.note(f"{name}: {cell(shown[name]) or '(none)'} -> {cell(value) or '(none)'}")


def enable(context: typer.Context, schedules: ScheduleIds, as_json: AsJson = False) -> None:
    """Turn schedules on; this also ends a pause."""
    _turn(context, schedules, "enable", as_json)


def disable(context: typer.Context, schedules: ScheduleIds, as_json: AsJson = False) -> None:
    """Turn schedules off."""
    _turn(context, schedules, "disable", as_json)


def _turn(context: typer.Context, schedules: list[str], way: str, as_json: bool) -> None:
    client = session.client(context)
    for one in schedules:
        _tell(client.ask("POST", at("schedules", one, way)).body, as_json)


def _tell(schedule: Json, as_json: bool) -> None:
    screen = session.screen(as_json)
    if as_json:
        screen.document(schedule)
    else:
        screen.table([schedule], _LIST)
    for one in schedule.get("warnings") or ():
        screen.note(f"warning: {one['message']}")


def add(app: typer.Typer) -> None:
    """The commands of this file."""
    app.command("list")(list_schedules)
    for one in (show, runs, create, change, delete, enable, disable):
        app.command()(one)
