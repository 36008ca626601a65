"""`belfry plan`, `apply`, `drift`, `export`, `schema`: schedules as code."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from belfry import session
from belfry.client import Json, at
from belfry.code import applying, exporting, planning, recording, schema
from belfry.code.planning import Action, Plan, Step
from belfry.code.wanted import MANAGED_BY, Wanted, load
from belfry.commands import given
from belfry.commands.given import Project, Yes
from belfry.problems import Exit, Failure
from belfry.screen import Screen, cell, columns
from belfry.session import AsJson

Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FILE...", help="Files, or folders of them. Default: belfry.yaml."),
]
Deletes = Annotated[
    bool, typer.Option("--delete/--no-delete", help="Delete what no file says any more.")
]
_SIGNS = {
    Action.CREATE: ("+", "green"),
    Action.CHANGE: ("~", "yellow"),
    Action.DELETE: ("-", "red"),
}
_DEFAULT = Path("belfry.yaml")


def plan(
    context: typer.Context,
    files: Files = None,
    delete: Deletes = True,
    detect_drift: Annotated[
        bool, typer.Option("--detect-drift", help="Exit with 7 if anything differs.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what `apply` would create, change and delete, and change nothing."""
    found = _planned(context, _wanted(files), delete)
    screen = session.screen(as_json)
    if as_json:
        screen.document({name: one for name, one in asdict(found).items() if name != "kept"})
    else:
        _show(screen, found)
    if detect_drift and found.steps:
        raise typer.Exit(Exit.DIFFERS)


def apply(
    context: typer.Context, files: Files = None, delete: Deletes = True, yes: Yes = False
) -> None:
    """Make Belfry be as the files say. Stops at the first failure; run again, it goes on."""
    wanted, client = _wanted(files), session.client(context)
    found = _planned(context, wanted, delete)
    screen = Screen()
    _show(screen, found)
    if found.steps:
        given.confirm(f"Do these {len(found.steps)} steps?", yes)
        applying.apply(client, found, lambda step, shown: _done(screen, step, shown))
        found = _planned(context, wanted, delete)
    if (why := recording.record(client, found)) is not None:
        screen.note(why)


def drift(
    context: typer.Context,
    owner: Annotated[str | None, typer.Argument(help="Only this owner's.")] = None,
    as_json: AsJson = False,
) -> None:
    """What is not as the last `apply` left it, whoever applied. Exits with 7 if anything is."""
    client = session.client(context)
    found = (
        list(client.walk(at("applied"), "applied"))
        if owner is None
        else [client.get(at("applied", owner))]
    )
    screen = session.screen(as_json)
    if as_json:
        screen.document({"applied": found} if owner is None else found[0])
    else:
        _show_drift(screen, found)
    if any(one["drifted"] for one in found):
        raise typer.Exit(Exit.DIFFERS)


def export(
    context: typer.Context,
    owner: Annotated[str, typer.Option(help="Whose the file is to be.")],
    project: Project = None,
    mine: Annotated[
        bool, typer.Option("--managed", help="Only what the owner has already.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new file. Default: standard output.")
    ] = None,
) -> None:
    """Write what is stored as a file of schedules as code."""
    client = session.client(context)
    tags: Any = {f"tags.{MANAGED_BY}": owner} if mine else {}
    schedules = client.walk(at("schedules"), "schedules", project_id=project, **tags)
    calendars = (
        one
        for one in client.walk(at("calendars"), "calendars")
        if project is None or one["project_id"] == project
    )
    text = exporting.text(exporting.document(owner, schedules, calendars))
    if output is None:
        typer.echo(text, nl=False)
    else:
        _write_new(output, text)


def show_schema(
    context: typer.Context,
    server: Annotated[
        bool, typer.Option("--server", help="Of the Belfry that is asked, not of this version.")
    ] = False,
) -> None:
    """The JSON Schema of such files, for editors."""
    if server:
        description = session.client(context).get("/api/openapi.json")
        typer.echo(schema.text(schema.from_description(description)), nl=False)
    else:
        typer.echo(schema.text(schema.stored()), nl=False)


def _wanted(files: list[Path] | None) -> Wanted:
    return load(files or [_DEFAULT], schema.stored())


def _planned(context: typer.Context, wanted: Wanted, delete: bool) -> Plan:
    now = session.of(context).now()
    return planning.make(session.client(context), wanted, now, delete=delete)


def _show(screen: Screen, found: Plan) -> None:
    for step in found.steps:
        sign, style = _SIGNS[step.action]
        screen.line(f"{sign} {step.kind} {step.key}{f'  ({step.id})' if step.id else ''}", style)
        for text in _details(step):
            screen.line(f"    {text}")
    counts = {one: sum(step.action is one for step in found.steps) for one in Action}
    said = ", ".join(f"{count} to {action}" for action, count in counts.items())
    screen.line(f"{said}, {found.unchanged} unchanged.")


def _show_drift(screen: Screen, found: list[Json]) -> None:
    """A line for each difference: owner, what became of it, what it is, the fields."""
    screen.table(
        ({"owner": one["owner"], **each} for one in found for each in one["differences"]),
        columns("owner", "change", "kind", "key", "id", "fields"),
    )
    for one in found:
        since = f", since {one['since']} or earlier" if one["since"] else ""
        left = one["drifted"] - len(one["differences"])
        more = f" ({left} not shown)" if left else ""
        said = f"{one['owner']}: {one['drifted']} differ{more}{since}"
        screen.note(f"{said}; applied at {one['applied_at']} by {one['applied_by']}")


def _details(step: Step) -> list[str]:
    if step.action is Action.CREATE:
        lines = [f"{name}: {_value(value)}" for name, value in step.body.items()]
    else:
        changes = step.differences
        lines = [f"{one.field}: {_value(one.before)} -> {_value(one.after)}" for one in changes]
    if step.runs_before is not None:
        lines.append(f"next runs now: {', '.join(step.runs_before) or 'none'}")
    if step.runs_after is not None:
        lines.append(f"next runs then: {', '.join(step.runs_after) or 'none'}")
    return lines


def _value(value: Any) -> str:
    return "(none)" if value in (None, "", [], {}) else cell(value)


def _done(screen: Screen, step: Step, shown: Json | None) -> None:
    after = f", next run {shown['next_run_at']}" if shown and shown.get("next_run_at") else ""
    named = shown["id"] if shown else step.id
    screen.line(f"{step.action}d {step.kind} {step.key} ({named}){after}")


def _write_new(path: Path, text: str) -> None:
    """Never over a file that is there, which somebody may have written."""
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except OSError as error:
        raise Failure(Exit.WRONG, f"{path} cannot be made: {error.strerror}") from error
    with os.fdopen(number, "w", encoding="utf-8") as out:
        out.write(text)


def add(app: typer.Typer) -> None:
    """The commands of this file."""
    for one in (plan, apply, drift, export):
        app.command()(one)
    app.command("schema")(show_schema)
