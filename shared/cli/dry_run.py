"""`--dry-run`: a task says what it would do. No job is made, and nothing is written.

The task's function is called directly, with the services of an app whose clock stands at the
instant of the run, and whose storage and database refuse every write.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future, wait
from datetime import datetime

from shared.app import App
from shared.cli.as_of import FLAG, read
from shared.engine.commands import configured
from shared.engine.work.failures import describe
from shared.engine.work.threads import Threads
from shared.errors import BelfryError, Invalid, Skipped
from shared.log import JobLog, instant
from shared.process import PATIENCE, rehearsing
from shared.redaction import redact
from shared.schedules.job import job_id
from shared.settings import TriggerSettings
from shared.tasks import JobContext, Params, Registry, Task

_logger = logging.getLogger("belfry.worker")
_MARK = "dryrun"


def refuse(task: Task, *, dry: bool, as_of: bool) -> None:
    """Raise `Invalid` if it is asked for what the task does not do."""
    if dry and not task.dry_run:
        text = "has no dry run: it cannot say what it would do without doing it"
        raise Invalid("--dry-run", f"{task.name} {text}")
    if as_of and not task.dry_run:
        text = "works on what there is now, so it cannot be run as of another instant"
        raise Invalid(FLAG, f"{task.name} {text}")


def as_of(text: str, task: Task, settings: TriggerSettings) -> datetime:
    """The instant that `--as-of` names. One without an offset is in the zone of the task's
    schedule, as code and settings say. Raises `Invalid`."""
    when = configured.recurrence(task, settings)
    return read(text, "UTC" if when is None else when.timezone)


def in_the_past(at: datetime, now: datetime) -> datetime:
    """`at`, if a job may be due then. Raises `Invalid`."""
    if at > now:
        text = f"{instant(at)} is still to come; only --dry-run looks ahead"
        raise Invalid(FLAG, text)
    return at


def main(
    tasks: Registry, task: Task, given: Mapping[str, object], at: str | None, insist: bool
) -> int:
    """Run it, and print what it says; the exit code. Raises `BelfryError` if it cannot begin."""
    belfry = rehearsing(tasks, lambda known, now: now if at is None else as_of(at, task, known))
    params = task.parse(given or _stored(belfry, task))
    job = _context(belfry, task, insist)
    begun: list[Future[dict[str, object]]] = []
    try:
        # In a thread of its own, so that Ctrl-C interrupts only the wait for it.
        begun.append(Threads("dry run").call(lambda: _outcome(belfry, task, params, job)))
        said = begun[0].result()
    except KeyboardInterrupt:
        job.stop.set()
        wait(begun, PATIENCE.total_seconds())
        sys.stderr.write("\nStopped; nothing was changed.\n")
        return 130
    about = {"task": task.name, "dry_run": True, "as_of": instant(job.due_at)}
    sys.stdout.write(json.dumps(about | said, indent=2, ensure_ascii=False) + "\n")
    return 0 if said["status"] == "succeeded" else 1


def _stored(belfry: App, task: Task) -> Mapping[str, object]:
    """The parameters of the task's system schedule; none if it does not exist."""
    found = belfry.table.get(task.name)
    return {} if found is None else found.definition.task_parameters


def _context(belfry: App, task: Task, insist: bool) -> JobContext:
    now = belfry.clock.now().replace(microsecond=0)
    name = job_id(task.name, now, _MARK)
    return JobContext(
        job_id=name,
        schedule_id=task.name,
        due_at=now,
        attempt=1,
        clock=belfry.clock,
        log=JobLog(_logger, {"job_id": name}, lambda: instant(now, "milliseconds")),
        dry_run=True,
        forced=insist,
        stop=threading.Event(),
    )


def _outcome(belfry: App, task: Task, params: Params, job: JobContext) -> dict[str, object]:
    """How the run went, in the words of a job."""
    try:
        return {"status": "succeeded", "result": belfry.executor.rehearse(task, params, job)}
    except Skipped as nothing:
        return {"status": "skipped", "result": nothing.result, "reason": redact(str(nothing))}
    except Exception as error:  # whatever a task raises
        if not isinstance(error, BelfryError):
            job.log.unexpected(error)
        return {"status": "failed", "error": describe(error)}
