"""Looks in processes that are killed, one at each step: `python killed.py PORT URL FOLDER`, with
settings as its environment. Writes a JSON object: by its schedule, the step before which each was
killed."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from functions.customers.health_check import health_check  # noqa: E402
from shared.app import build  # noqa: E402
from shared.clock import ManualClock  # noqa: E402
from shared.notifications import channels  # noqa: E402
from shared.settings import from_env  # noqa: E402
from shared.tasks import JobContext, Registry  # noqa: E402
from tests.context import job_of  # noqa: E402
from tests.integration.kills.steps import END, Steps, killed_at_each, watch  # noqa: E402

WANTED = {"fail_when_down": False, "statuses": ["200"]}


def job(schedule_id: str, at: datetime, attempt: int = 1) -> JobContext:
    """An attempt of the job that was due then."""
    return job_of(
        job_id=f"{schedule_id}-{at:%Y%m%dT%H%M%SZ}",
        schedule_id=schedule_id,
        project_id=7,
        attempt=attempt,
        clock=ManualClock(at),
    )


def main(port: str, url: str, at: str, folder: str) -> None:
    now = datetime.fromisoformat(at)

    def look(fatal: int, steps: Steps) -> None:
        known = from_env(os.environ, channels=channels.declared())
        app = build(known, ManualClock(now), tasks=Registry([health_check]))
        params = health_check.parse(WANTED | {"url": url})
        watch(steps, [int(port)])
        app.executor.rehearse(health_check, params, job(f"c{fatal}", now))
        steps.reach(END)

    each = killed_at_each(look, Path(folder) / "steps.json")
    print(json.dumps({f"c{fatal}": step for fatal, step in each}))


if __name__ == "__main__":
    main(*sys.argv[1:])
