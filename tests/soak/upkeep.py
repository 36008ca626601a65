"""The service's own upkeep, which hosts run as their other jobs, and what it is to keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from shared.app import App
from shared.cli import indexes
from shared.engine.commands import builtin
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Status, parse_id
from shared.schedules.model import Definition
from tests.soak.tasks import UPKEEP
from tests.soak.verdict import Rows

_INDEX = UPKEEP[0]
_TIMEOUT = 1800


def begin(calm: App) -> None:
    """Have it run every five minutes, as in service."""
    for name in UPKEEP:
        when = Recurrence(frequency=Frequency.CRON, cron_expression="*/5 * * * *")
        definition = Definition(name=name, task_type=name, recurrence=when)
        # what waits for other places waits in life, not on the fast clock
        policy = replace(
            builtin.policy(calm.registry.get(name)), max_attempts=3, timeout_seconds=_TIMEOUT
        )
        calm.manager.create(definition, policy, schedule_id=name)


def is_all_that_is_left(rows: Rows) -> bool:
    """Whether nothing of people's runs, or has still to be backfilled."""
    live = [one for one in rows.live() if parse_id(one)[0] not in UPKEEP]
    return not live and not any(one.progress.backfill for one in rows.schedules.values())


def end(calm: App) -> None:
    """Turn it off, and ask for its last turn."""
    for name in UPKEEP:
        calm.manager.enable(name, False)
        calm.manager.run_now(name, force=True)


def problems(calm: App, rows: Rows) -> Iterator[str]:
    """What the commands find that check the indexes; also if the upkeep had done nothing."""
    found = [indexes.check_schedules(calm), indexes.check_jobs(calm)]
    yield from (str(said) for said, good in found if not good)
    turns = [job for job in rows.jobs.values() if job.task_type == _INDEX]
    last = max(turns, key=lambda job: job.due_at)
    did: list[Any] = [job.result for job in turns if job.result]
    written = sum(one["schedules"]["snapshots"] for one in did)
    packed = sum(one["jobs"]["jobs"] for one in did)
    print(
        f"soak: upkeep {dict(Counter(job.status.value for job in turns))}, {written} snapshots "
        f"written, {packed} jobs packed; indexes {[dict(said) for said, _ in found]}"
    )
    if last.status is not Status.SUCCEEDED or not (written and packed):
        yield f"{written} snapshots were written, {packed} jobs packed; the last turn: {last}"
