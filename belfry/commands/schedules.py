"""`belfry list`, `show`, `create`, `change`, `delete`, `enable`, `disable`, `runs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from belfry import session
from belfry.client import Json, at
from belfry.commands import given, jobs
from belfry.commands.given import Project, ScheduleId, ScheduleIds, Tags, Yes
from belfry.problems import Exit, Failure
from belfry.screen import columns
from belfry.session import AsJson, Every, Limit

_LIST = columns(
    "id", "name", "project=project_id", "task=task_type", "state", "next=next_run_at",
    "last=last_run_at", "success=success_rate",
)  # fmt: skip
_LATEST = 10
_RUNS = columns("due_at", "state", "job=job_id", "lateness_seconds", "reason")

File = Annotated[
    Path | None,
    typer.Option("--file", "-f", help="The API's body, a JSON object; - reads standard input."),
]
Name = Annotated[str | None, typer.Option("--name")]
Text = Annotated[str | None, typer.Option("--description")]
Cron = Annotated[list[str] | None, typer.Option("--cron", help="May be given several times.")]
EverySeconds = Annotated[int | None, typer.Option("--every", help="Seconds between two runs.")]
Rule = Annotated[str | None, typer.Option("--rrule", help="A rule of RFC 5545.")]
Once = Annotated[
    str | None, typer.Option("--at", help="Once: with an offset, or by the clocks of --timezone.")
]
Frequency = Annotated[str | None, typer.Option("--frequency", help="Such as daily, weekly.")]
Zone = Annotated[str | None, typer.Option("--timezone", help="Such as Europe/Berlin.")]
Calendars = Annotated[list[str] | None, typer.Option("--calendar")]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="NAME=VALUE", help="Of the task; JSON, else text."),
]
More = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Any other field of the API; JSON or text."),
]


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


def create(
    context: typer.Context,
    file: File = None,
    name: Name = None,
    task: Annotated[str | None, typer.Option(help="The task that it runs.")] = None,
    project: Project = None,
    description: Text = None,
    cron: Cron = None,
    every: EverySeconds = None,
    rrule: Rule = None,
    once: Once = None,
    frequency: Frequency = None,
    timezone: Zone = None,
    calendar: Calendars = None,
    tag: Tags = None,
    param: Parameters = None,
    more: More = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Turned off.")] = False,
    as_json: AsJson = False,
) -> None:
    """Create a schedule, of a file, of options, or both: options win."""
    body = given.body(file) if file else {}
    body |= _when(cron, every, rrule, once, frequency, timezone)
    body |= _what(name, description, calendar, tag, param)
    body |= _present(task_type=task, project_id=project, enabled=False if disabled else None)
    body |= given.parameters(more)
    answer = session.client(context).make(at("schedules"), body)
    _tell(answer.body, as_json)


def change(
    context: typer.Context,
    schedule: ScheduleId,
    file: File = None,
    name: Name = None,
    description: Text = None,
    cron: Cron = None,
    every: EverySeconds = None,
    rrule: Rule = None,
    once: Once = None,
    frequency: Frequency = None,
    timezone: Zone = None,
    calendar: Calendars = None,
    tag: Tags = None,
    param: Parameters = None,
    more: More = None,
    as_json: AsJson = False,
) -> None:
    """Change what is given. Tags, parameters and lists replace those before."""
    body = given.body(file) if file else {}
    body |= _when(cron, every, rrule, once, frequency, timezone)
    body |= _what(name, description, calendar, tag, param) | given.parameters(more)
    if not body:
        raise Failure(Exit.WRONG, "nothing to change was given; --help shows what there is")
    answer = session.client(context).ask("PATCH", at("schedules", schedule), body=body)
    _tell(answer.body, as_json)


def delete(context: typer.Context, schedules: ScheduleIds, yes: Yes = False) -> None:
    """Delete schedules; their jobs stay readable."""
    given.confirm(f"Delete {', '.join(schedules)}?", yes)
    client = session.client(context)
    for one in schedules:
        client.ask("DELETE", at("schedules", one))
        session.screen().line(f"{one} deleted")


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


def _present(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _what(
    name: str | None,
    description: str | None,
    calendar: list[str] | None,
    tag: list[str] | None,
    param: list[str] | None,
) -> Json:
    return _present(
        name=name,
        description=description,
        calendars=calendar or None,
        tags=given.pairs(tag, "--tag") or None,
        task_parameters=given.parameters(param) or None,
    )


def _when(
    cron: list[str] | None,
    every: int | None,
    rrule: str | None,
    once: str | None,
    frequency: str | None,
    timezone: str | None,
) -> Json:
    """The recurrence that was typed; an option that says one says its frequency too."""
    named = list(_present(cron=cron or None, interval=every, rrule=rrule))
    if len(named) > 1:
        raise Failure(Exit.WRONG, "give one of --cron, --every and --rrule")
    start = "start_time" if once and _has_offset(once) else "start_local"
    made = _present(frequency=named[0] if named else ("once" if once else None), timezone=timezone)
    if cron:
        made |= {"cron_expression": cron[0]} if len(cron) == 1 else {"cron_expressions": cron}
    made |= _present(interval_seconds=every, rrule=rrule) | ({start: once} if once else {})
    return made | _present(frequency=frequency)


def _has_offset(text: str) -> bool:
    clock = text[10:]
    return clock.endswith(("Z", "z")) or "+" in clock or "-" in clock


def add(app: typer.Typer) -> None:
    """The commands of this file."""
    app.command("list")(list_schedules)
    for one in (show, runs, create, change, delete, enable, disable):
        app.command()(one)
