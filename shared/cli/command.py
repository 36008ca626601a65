"""Run a task by hand, list them all, or tick; every run is a job like any other."""

from __future__ import annotations

import json
import logging
import re
import signal
import sys
from collections.abc import Collection, Mapping
from concurrent.futures import wait
from datetime import timedelta
from functools import partial
from pathlib import Path

from shared import settings, tracing
from shared.app import App
from shared.cli import (
    archive,
    audit,
    billing,
    database,
    dry_run,
    indexes,
    keys,
    preview,
    typed,
)
from shared.cli.follows import what_follows
from shared.cli.person import person
from shared.cli.typed import Typed
from shared.engine.commands.once import run_once
from shared.engine.dispatch.names import DISPATCHER
from shared.engine.work.threads import Threads
from shared.errors import BelfryError, Invalid, Misconfigured, Unavailable
from shared.log import instant
from shared.process import PATIENCE, by_hand
from shared.redaction import redact
from shared.schedules.job import Job, Status
from shared.schedules.upcoming import upcoming
from shared.storage.queues.jobs import Message
from shared.tasks import Registry, Task
from shared.tasks.model import PARAMETERS

_OF_THIS_MACHINE = re.compile(r" at (localhost|127\.0\.0\.1):")
_OF_THE_HOST = "is run by the host alone; `python -m functions` lists what a person may run"
_INTERRUPTED = 130
_EVERY = timedelta(seconds=60)
"""How often `--loop` runs a task (O1)."""


def main(tasks: Registry, functions: Collection[str]) -> int:
    """Run the task named by the process's arguments, or list them all; the exit code.

    `functions`: the names of all functions, some of which only the host runs.
    """
    try:
        if sys.argv[1:2] and sys.argv[1] in preview.NAMES:
            return preview.main(sys.argv[2:])
        return _main(typed.read(), tasks, functions)
    except BelfryError as error:
        return _complain(error, 2)
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped.\n")
        return _INTERRUPTED


def _main(asked: Typed, tasks: Registry, functions: Collection[str]) -> int:
    """Raises `BelfryError` if the command could not be started."""
    _refuse_flags(asked)
    if asked.task == DISPATCHER:
        return _dispatcher(asked, tasks)
    if asked.task == database.NAME:
        return database.main(asked)
    if asked.task == billing.NAME:
        return billing.main(asked)
    if asked.task == archive.NAME:
        return archive.main(asked, tasks)
    if asked.task == keys.NAME:
        return keys.main(asked)
    if asked.task == audit.NAME:
        return audit.main(asked, tasks)
    if asked.task in indexes.NAMES:
        return indexes.main(asked, tasks)
    if asked.repair:
        raise Invalid("parameters", "--repair belongs to `python -m functions billing reconcile`")
    task = _task(tasks, functions, asked.task) if asked.task is not None else None
    if asked.help:
        sys.stdout.write(typed.help_of(task))
        return 0
    _log()
    values = typed.values(asked.parameters, task.params) if task is not None else {}
    if task is not None:
        dry_run.refuse(task, dry=asked.dry_run, as_of=asked.as_of is not None)
    settings.load_local(Path("local.settings.json"))
    if task is not None and asked.dry_run:
        return dry_run.main(tasks, task, values, asked.as_of, asked.insist)
    belfry = by_hand(tasks)
    if task is None:
        return _list(belfry)
    if asked.loop:
        return _loop(belfry, task, values, asked)
    return _run(belfry, task, values, asked)


def _loop(belfry: App, task: Task, values: Mapping[str, object], asked: Typed) -> int:
    """Run it again and again. Storage that is away is waited for."""
    if asked.as_of is not None:
        raise Invalid("--as-of", "--as-of: with --loop, each run has its own time")
    while True:
        try:
            if (code := _run(belfry, task, values, asked)) == _INTERRUPTED:
                return code
        except Unavailable as error:
            _complain(error, 1)
        belfry.clock.sleep(_EVERY)


def _run(belfry: App, task: Task, values: Mapping[str, object], asked: Typed) -> int:
    with tracing.span(f"run {task.name}", tracing.Kind.SERVER):
        job_id = _ask(belfry, task, values, asked)
    try:
        return _work(belfry, job_id)
    except BelfryError as error:
        return _complain(error, 1)


def _refuse_flags(asked: Typed) -> None:
    """Refuse the flags of a task where none is run. Raises `Invalid`."""
    given = {"--dry-run": asked.dry_run, "--as-of": asked.as_of is not None, "--loop": asked.loop}
    flag = next((flag for flag, there in given.items() if there), None)
    others = (None, DISPATCHER, database.NAME, archive.NAME, audit.NAME, keys.NAME)
    if flag is not None and asked.task in others:
        what = "it belongs to a task; name one" if asked.task is None else f"{asked.task} has none"
        raise Invalid(flag, f"{flag}: {what}")


def _task(tasks: Registry, functions: Collection[str], name: str) -> Task:
    """Raises `Invalid`."""
    if tasks.find(name) is None and name in functions:
        raise Invalid("task_type", f"{name} {_OF_THE_HOST}")
    return tasks.get(name)


def _dispatcher(asked: Typed, tasks: Registry) -> int:
    """One tick, by the dispatcher's clock."""
    if asked.help:
        sys.stdout.write(typed.help_of(None))
        return 0
    if asked.parameters:
        raise Invalid("parameters", f"{DISPATCHER} takes no parameters")
    _log()
    settings.load_local(Path("local.settings.json"))
    did = by_hand(tasks).clocks.tick(DISPATCHER)
    sys.stdout.write(json.dumps(did.shown(), indent=2) + "\n")
    return 0


def _log() -> None:
    form = "%(levelname)-7s %(message)s"
    logging.basicConfig(level=logging.INFO, format=form, stream=sys.stderr)
    logging.getLogger("azure").setLevel(logging.WARNING)


def _complain(error: BelfryError, code: int) -> int:
    said = str(error)
    if isinstance(error, Invalid):
        # A field that is no parameter is named in the message, as the caller wrote it.
        mark = f"{PARAMETERS}."
        named = error.field.startswith(mark)
        said = said.removeprefix(mark) if named else error.message
    if isinstance(error, Unavailable) and _OF_THIS_MACHINE.search(said):
        said += "; `make start` runs the storage of this machine"
    lines = error.problems if isinstance(error, Misconfigured) else (said,)
    for line in lines:
        sys.stderr.write(f"{redact(' '.join(line.split()))}\n")
    return code


def _list(belfry: App) -> int:
    now = belfry.clock.now()
    for task in belfry.registry:
        found = belfry.table.get(task.name)
        coming = upcoming(belfry.manager.shown(found), now) if found is not None else None
        asked = "off" if task.recurrence is not None else "when asked"
        shown = instant(coming.due_at) if coming is not None else asked
        sys.stdout.write(f"{task.name:25} {shown:28} {task.summary}\n")
    return 0


def _ask(belfry: App, task: Task, parameters: Mapping[str, object], asked: Typed) -> str:
    """The id of the job that was asked for. Raises `Invalid`, `Misconfigured`."""
    due_at, insist = None, asked.insist
    if asked.as_of is not None:
        due_at = dry_run.as_of(asked.as_of, task, belfry.settings)
        due_at = dry_run.in_the_past(due_at, belfry.clock.now())
    if parameters or task.recurrence is None:
        about = f"{task.name} by hand"
        return run_once(
            belfry.manager,
            belfry.clock,
            task,
            parameters,
            name=about,
            send=False,
            insist=insist,
            due_at=due_at,
            by=person(),
        ).job_id
    return belfry.manager.run_now(
        task.name, force=True, send=False, insist=insist, due_at=due_at, by=person()
    ).job_id


def _work(belfry: App, job_id: str) -> int:
    message = Message((job_id,), belfry.clock.now())
    # In a thread of its own, so that Ctrl-C interrupts only the wait for it.
    working = Threads("command").call(partial(belfry.worker.work, message))
    try:
        working.result()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing may interrupt giving it back
        belfry.worker.drain(PATIENCE)
        wait([working], PATIENCE.total_seconds())
        return _interrupted(belfry, job_id)
    job = belfry.manager.job(job_id)
    follows = what_follows(belfry, job)
    shown = _shown(job) | ({} if follows is None else {"next": follows})
    sys.stdout.write(json.dumps(shown, indent=2) + "\n")
    sys.stdout.flush()  # `--loop` goes on, and a file or a pipe shows nothing before
    return 0 if job.status is Status.SUCCEEDED else 1


def _interrupted(belfry: App, job_id: str) -> int:
    job = belfry.manager.job(job_id)
    follows = what_follows(belfry, job) or f"it had ended: {job.status}"
    sys.stderr.write(f"\nStopped; job {job.id}: {follows}\n")
    return _INTERRUPTED


def _shown(job: Job) -> dict[str, object]:
    return {
        "job_id": job.id,
        "status": job.status.value,
        "duration_seconds": job.duration_seconds,
        "result": job.result,
        "error": job.error,
        "reason": job.reason,
    }
