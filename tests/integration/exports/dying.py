"""A process that exports, and kills itself on the way."""

from __future__ import annotations

import json
import os
import signal
import sys
from datetime import timedelta
from typing import NoReturn

from functions.customers.export import export
from shared import settings
from shared.app import build
from shared.clock import ManualClock
from shared.exports import service
from shared.exports.params import ExportParams
from shared.exports.report import Report
from shared.notifications import channels
from shared.schedules.job import job_id
from shared.storage.blobs.upload import Staged
from shared.tasks import Registry
from tests.context import job_of
from tests.integration.engine.conftest import START

_DAYS = 3


def _die(*args: object, **kwargs: object) -> NoReturn:
    del args, kwargs
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def main(connection: str, prefix: str, schedule_id: str, when: str) -> None:
    """Die at that time."""
    env = {
        "AzureWebJobsStorage": connection,
        "BELFRY_PREFIX": prefix,
        "SCHEDULE_SHARDS": "2",
    }
    due = START + timedelta(days=_DAYS)
    clock = ManualClock(due + timedelta(seconds=1))
    made = settings.from_env(env, channels=channels.declared())
    app = build(made, clock, tasks=Registry([export]))
    if when == "reading":
        Report.figures = _die  # type: ignore[method-assign]
    elif when == "before the commit":
        Staged.commit = _die  # type: ignore[method-assign]
    exports = app.exports()
    if when == "after the commit":
        service.event = _die  # type: ignore[attr-defined]
    job = job_of(
        job_id=job_id(schedule_id, due),
        schedule_id=schedule_id,
        project_id=7,
        due_at=due,
        clock=clock,
    )
    given = {"report_type": "full", "days": 30, "format": "json" if when == "reading" else "csv"}
    exports.export(ExportParams.model_validate(given), job)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
