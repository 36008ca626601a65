"""Run a task by hand, now and here (L10, P13); every run is a job like any other.

    python -m functions                       the tasks and their next runs
    python -m functions.postgres_backup       run one
    python -m functions postgres_backup       the same
    python -m functions.backup_restore backup_id=1f0c... target=shop
                                              run one once, with parameters of its own
    python -m functions.postgres_backup --force
                                              though its last ended less than two minutes ago
    python -m functions.schedule_dispatcher   one tick: hand out what is due

A parameter's value is JSON where it is that (`encrypt=false`, `schemas=["a"]`), else text.
The system schedules stay as they are stored: only the app itself applies what its settings say.

Exit codes: 0 the job succeeded; 1 it did not, or not yet; 2 it could not be started.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from shared import settings
from shared.app import App, by_hand
from shared.engine.once import run_once
from shared.errors import BelfryError, Invalid, Unavailable
from shared.log import instant
from shared.redaction import redact
from shared.schedules.job import ENDED, Job, Status
from shared.schedules.upcoming import upcoming
from shared.storage.queue import Message
from shared.tasks.model import PARAMETERS

_OF_THIS_MACHINE = re.compile(r" at (localhost|127\.0\.0\.1):")


def main(arguments: Sequence[str] | None = None, *, task: str | None = None) -> int:
    """Run the task named, or list them all; the exit code.

    `arguments` are by default the process's own. `task`: of its own file, which runs no other.
    """
    wanted, parameters, insist = _asked(arguments, task)
    _log()
    try:
        values = _values(parameters)
        settings.load_local(Path("local.settings.json"))
        belfry = by_hand()
        if wanted is None:
            return _list(belfry)
        asked = _ask(belfry, wanted, values, insist)
    except BelfryError as error:
        return _complain(error, 2)
    try:
        return _work(belfry, asked)
    except BelfryError as error:
        return _complain(error, 1)


def tick(clock: str) -> int:
    """One tick by the clock of that name; the exit code."""
    _log()
    try:
        settings.load_local(Path("local.settings.json"))
        did = by_hand().clocks.tick(clock)
    except BelfryError as error:
        return _complain(error, 2)
    sys.stdout.write(json.dumps(did.shown(), indent=2) + "\n")
    return 0


def _log() -> None:
    form = "%(levelname)-7s %(message)s"
    logging.basicConfig(level=logging.INFO, format=form, stream=sys.stderr)
    logging.getLogger("azure").setLevel(logging.WARNING)


def _asked(arguments: Sequence[str] | None, task: str | None) -> tuple[str | None, list[str], bool]:
    """(the task, its parameters, whether to insist)."""
    program = "python -m functions" if task is None else f"python -m functions.{task}"
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    if task is None:
        parser.add_argument("task", nargs="?", help="the task to run")
    parser.add_argument("parameters", nargs="*", metavar="name=value", help="of this one run")
    parser.add_argument("--force", action="store_true", help="leave nothing out as needless")
    given = parser.parse_args(arguments)
    named: str | None = getattr(given, "task", task)
    return named, given.parameters, given.force


def _values(parameters: Sequence[str]) -> dict[str, object]:
    """Raises `Invalid` for what is not name=value."""
    values: dict[str, object] = {}
    for one in parameters:
        name, mark, text = one.partition("=")
        if not mark or not name:
            raise Invalid(one, f"{one!r} is no parameter; write name=value")
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    return values


def _complain(error: BelfryError, code: int) -> int:
    said = str(error)
    if isinstance(error, Invalid):
        # What is no parameter is named in the message, as the caller wrote it.
        mark = f"{PARAMETERS}."
        named = error.field.startswith(mark)
        said = said.removeprefix(mark) if named else error.message
    if isinstance(error, Unavailable) and _OF_THIS_MACHINE.search(said):
        said += "; `make start` runs the storage of this machine"
    sys.stderr.write(f"{redact(' '.join(said.split()))}\n")
    return code


def _list(belfry: App) -> int:
    now = belfry.clock.now()
    for task in belfry.registry:
        found = belfry.table.get(task.name)
        coming = upcoming(belfry.manager.shown(found), now) if found is not None else None
        asked = "off" if task.recurrence is not None else "when asked"
        shown = instant(coming.due_at) if coming is not None else asked
        sys.stdout.write(f"{task.name:24} {shown:28} {task.summary}\n")
    return 0


def _ask(belfry: App, name: str, parameters: Mapping[str, object], insist: bool) -> str:
    """The id of the job that was asked for. Raises `Invalid`, `Misconfigured`."""
    task = belfry.registry.get(name)
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
        ).job_id
    return belfry.manager.run_now(task.name, force=True, send=False, insist=insist).job_id


def _work(belfry: App, job_id: str) -> int:
    belfry.worker.work(Message((job_id,), belfry.clock.now()))
    job = belfry.manager.job(job_id)
    shown = _shown(job) | _next(belfry, job)
    sys.stdout.write(json.dumps(shown, indent=2) + "\n")
    return 0 if job.status is Status.SUCCEEDED else 1


def _next(belfry: App, job: Job) -> dict[str, object]:
    """What happens to a job that has not ended."""
    schedule = belfry.table.get(job.schedule_id)
    live = schedule.progress.find(job.id) if schedule is not None else None
    if live is None or job.status in ENDED:
        return {}
    at = instant(max(live.available_at, live.lease_until or live.available_at))
    return {"next": f"the app tries again at {at}, if it runs then; this command does not"}


def _shown(job: Job) -> dict[str, object]:
    return {
        "job_id": job.id,
        "status": job.status.value,
        "duration_seconds": job.duration_seconds,
        "result": job.result,
        "error": job.error,
        "reason": job.reason,
    }
