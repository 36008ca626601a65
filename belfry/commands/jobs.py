"""`belfry run`, `jobs`, `job`, `logs`, `cancel`, `retry`."""

from __future__ import annotations

from typing import Annotated

import typer

from belfry import session
from belfry.client import Json, at
from belfry.commands import given
from belfry.commands.given import JobId, Project, ScheduleId
from belfry.following import ENDS, Following
from belfry.problems import Exit, Failure
from belfry.screen import Screen, columns
from belfry.session import AsJson, Every, Limit

LIST = columns(
    "id", "schedule=schedule_name", "task=task_type", "status", "due_at", "duration_seconds",
    "count", "error",
)  # fmt: skip

Follow = Annotated[bool, typer.Option("--follow", help="Show the log while it grows.")]
Patience = Annotated[
    float | None, typer.Option("--timeout", min=0, help="Wait this many seconds at most.")
]


def run(
    context: typer.Context,
    schedule: ScheduleId,
    force: Annotated[
        bool, typer.Option("--force", help="Even if it is turned off, or not due.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Wait for its end.")] = True,
    follow: Follow = False,
    timeout: Patience = None,
    as_json: AsJson = False,
) -> None:
    """Run a schedule now, and wait for the job's end; 1 if it did not succeed."""
    client = session.client(context)
    try:
        asked = client.make(at("schedules", schedule, "execute"), {"force": force}).body
    except Failure as failure:
        if failure.code is Exit.CONFLICT and "force" in failure.text:
            said = f"{failure.text}\nHere that is the option --force."
            raise Failure(failure.code, said, failure.document) from failure
        raise
    screen = session.screen(as_json)
    if not wait:
        screen.document(asked) if as_json else screen.line(asked["job_id"])
        return
    if not as_json:
        screen.note(f"job {asked['job_id']}")
    _end(context, screen, asked["job_id"], follow, timeout)


def retry(
    context: typer.Context,
    job: JobId,
    wait: Annotated[bool, typer.Option(help="Wait for its end.")] = True,
    follow: Follow = False,
    timeout: Patience = None,
    as_json: AsJson = False,
) -> None:
    """Run a job again that failed, was missed or was cancelled."""
    again = session.client(context).make(at("jobs", job, "retry")).body
    screen = session.screen(as_json)
    if wait:
        _end(context, screen, again["id"], follow, timeout)
    else:
        screen.document(again) if as_json else screen.line(again["id"])


def list_jobs(
    context: typer.Context,
    schedule: Annotated[str | None, typer.Option(help="Of this schedule.")] = None,
    project: Project = None,
    task: Annotated[str | None, typer.Option(help="A task's name.")] = None,
    status: Annotated[str | None, typer.Option(help="Such as running, succeeded, failed.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="With its offset.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="With its offset.")] = None,
    limit: Limit = 50,
    every: Every = False,
    as_json: AsJson = False,
) -> None:
    """Jobs that fit every filter, latest due first."""
    given.show_list(
        context, at("jobs"), "jobs", LIST, limit=limit, every=every, as_json=as_json,
        schedule_id=schedule, project_id=project, task_type=task, status=status,
        **{"from": since, "to": until},
    )  # fmt: skip


def job(context: typer.Context, job: JobId, as_json: AsJson = False) -> None:
    """One job."""
    _tell(session.screen(as_json), session.client(context).get(at("jobs", job)))


def logs(
    context: typer.Context, job: JobId, follow: Follow = False, timeout: Patience = None
) -> None:
    """A job's log; with --follow, until the job ends."""
    screen = Screen()
    if follow:
        waited = Following(session.of(context), screen, job, log=True, timeout=timeout)
        _exit(waited.ended())
        return
    screen.line((session.client(context).get(at("jobs", job)).get("log") or "").rstrip("\n"))


def cancel(
    context: typer.Context,
    job: JobId,
    reason: Annotated[str | None, typer.Option(help="Kept with the job.")] = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a job that waits, or tell one that runs to stop."""
    body = {"reason": reason} if reason else None
    answer = session.client(context).ask("POST", at("jobs", job, "cancel"), body=body)
    _tell(session.screen(as_json), answer.body)


def _end(
    context: typer.Context, screen: Screen, job_id: str, follow: bool, timeout: float | None
) -> None:
    log = follow and not screen.json
    ended = Following(session.of(context), screen, job_id, log=log, timeout=timeout).ended()
    if screen.json:
        screen.document(ended)
    else:
        screen.table([ended], LIST)
    _exit(ended)


def _exit(ended: Json) -> None:
    """1 unless the job succeeded."""
    if ended["status"] in ENDS - {"succeeded"}:
        raise typer.Exit(Exit.FAILED)


def _tell(screen: Screen, one: Json) -> None:
    if screen.json:
        screen.document(one)
        return
    screen.object(one)
    if one.get("log"):
        screen.line("\n" + one["log"].rstrip("\n"))


def add(app: typer.Typer) -> None:
    """The commands of this file."""
    app.command("jobs")(list_jobs)
    for one in (run, retry, job, logs, cancel):
        app.command()(one)
