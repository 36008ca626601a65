"""Looks in processes that are killed, one at each step: `python killed.py PORT URL FOLDER`, with
settings as its environment. Writes a JSON object: by its schedule, the step before which each was
killed."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from itertools import count
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from dataclasses import replace  # noqa: E402

from functions.customers.health_check import health_check  # noqa: E402
from shared.app import build  # noqa: E402
from shared.clock import ManualClock  # noqa: E402
from shared.notifications import channels  # noqa: E402
from shared.settings import from_env  # noqa: E402
from shared.tasks import JobContext, Registry  # noqa: E402
from tests.context import job_of  # noqa: E402
from tests.integration.kills.steps import END, Steps, watch  # noqa: E402

WANTED = {"fail_when_down": False, "statuses": ["200"]}


def job(schedule_id: str, at: datetime, attempt: int = 1) -> JobContext:
    """An attempt of the job that was due then."""
    made, name = (
        job_of(attempt=attempt, clock=ManualClock(at)),
        f"{schedule_id}-{at:%Y%m%dT%H%M%SZ}",
    )
    return replace(made, job_id=name, schedule_id=schedule_id, project_id=7)


def look(port: int, url: str, at: datetime, schedule_id: str, steps: Steps) -> None:
    """Look once, and be killed at a step."""
    known = from_env(os.environ, channels=channels.declared())
    app = build(known, ManualClock(at), tasks=Registry([health_check]))
    params = health_check.parse(WANTED | {"url": url})
    watch(steps, [port])
    app.executor.rehearse(health_check, params, job(schedule_id, at))
    steps.reach(END)


def main(port: str, url: str, at: str, folder: str) -> None:
    found: dict[str, str] = {}
    told = Path(folder) / "steps.json"
    for fatal in count(1):
        schedule_id = f"c{fatal}"
        pid = os.fork()
        if pid == 0:
            steps = Steps(fatal, told)
            look(int(port), url, datetime.fromisoformat(at), schedule_id, steps)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        if status == 0:
            break
        assert os.WIFSIGNALED(status), status
        found[schedule_id] = json.loads(told.read_text())[-1]
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
