"""Celery with RedBeat, as a program of its own environment: `celery_peer.py TASK PARAMETERS`.

It is also the app that `celery -A celery_peer worker` and `beat` load.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from celery import Celery, signals  # type: ignore[import-not-found]
from celery.schedules import schedule  # type: ignore[import-not-found]
from redbeat import RedBeatSchedulerEntry  # type: ignore[import-not-found]
from redbeat.decoder import RedBeatJSONEncoder  # type: ignore[import-not-found]
from redbeat.schedulers import (  # type: ignore[import-not-found]
    RedBeatScheduler,
    acquire_distributed_beat_lock,
    get_redis,
)

DAY = timedelta(days=1)
A_BATCH = 5000
QUEUE = "celery"

settings = json.loads(os.environ["BENCH_PEER"])
app = Celery("celery_peer", broker=settings["url"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": settings["visibility"],
        "unacked_restore_throttle": 1,
    },
    beat_max_loop_interval=settings["interval"],
    redbeat_lock_timeout=settings["lock"],
    redbeat_redis_url=settings["url"],
    task_acks_late=True,
    task_ignore_result=True,
    task_reject_on_worker_lost=True,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=settings["prefetch"],
)
append = os.O_WRONLY | os.O_APPEND | os.O_CREAT
ledger = os.open(settings["ledger"], append)
long_ledger = os.open(f"{settings['ledger']}.long", append)


@app.task(name="work")  # type: ignore[untyped-decorator]
def work(number: int, due: float, long_seconds: float = 0) -> None:
    """The job. A long one writes its line when it starts, into a file of its own."""
    if long_seconds:
        write(long_ledger, number, due)
        time.sleep(long_seconds)
        return
    if settings["starts"]:
        write(ledger, number, due)
    if settings["seconds"]:
        time.sleep(settings["seconds"])
    if not settings["starts"]:
        write(ledger, number, due)


def write(file: int, number: int, due: float) -> None:
    """One line, in one write."""
    os.write(file, f"{number:06d} {due:017.6f} {time.time():017.6f}\n".encode())


@signals.worker_ready.connect  # type: ignore[untyped-decorator]
def ready(**_: object) -> None:
    """Tell the bench that this worker takes messages."""
    open(f"{settings['ledger']}.ready.{os.getpid()}", "w").close()  # noqa: PTH123


def load(n: int, base: float, step: float = 0, long_seconds: float = 0) -> dict[str, Any]:
    """Store `n` daily schedules, due from `base` on, `step` seconds apart; long jobs are for a
    queue of their own.

    Into the hashes and the sorted set that `RedBeatSchedulerEntry.save` writes, but many at once.
    Names sort like the times: RedBeat's order is by whole seconds, then by name, and the other way
    round it would be late by up to a second.
    """
    RedBeatScheduler(app, lazy=True)
    client, key = get_redis(app), app.redbeat_conf.schedule_key
    for first in range(0, n, A_BATCH):
        pipe = client.pipeline(transaction=False)
        for number in range(first, min(n, first + A_BATCH)):
            name = f"long{number:06d}" if long_seconds else f"{number:06d}"
            due = base + number * step
            last = datetime.fromtimestamp(due, UTC) - DAY
            definition = {
                "name": name,
                "task": "work",
                "args": [number, due, long_seconds],
                "kwargs": {},
                "options": {"queue": "long"} if long_seconds else {},
                "schedule": schedule(run_every=DAY, app=app),
                "enabled": True,
            }
            entry = RedBeatSchedulerEntry.generate_key(app, name)
            pipe.hset(entry, "definition", json.dumps(definition, cls=RedBeatJSONEncoder))
            pipe.hset(entry, "meta", json.dumps({"last_run_at": last}, cls=RedBeatJSONEncoder))
            pipe.zadd(key, {entry: int(due)})
        pipe.execute()
    return {}


def beat() -> Any:
    """A scheduler that holds the lock and whose ticks are ours to make."""
    scheduler = RedBeatScheduler(app)
    acquire_distributed_beat_lock(sender=SimpleNamespace(scheduler=scheduler))
    return scheduler


def dispatch(n: int) -> dict[str, Any]:
    """One tick over `n` due schedules: until all are queued and have their next run."""
    load(n, time.time() - 3600)
    scheduler = beat()
    began, processor = time.time(), time.process_time()
    scheduler.tick()
    seconds, processor = time.time() - began, time.process_time() - processor
    client = get_redis(app)
    left = client.zcount(app.redbeat_conf.schedule_key, 0, time.time())
    queued = client.llen(QUEUE)
    scheduler.close()
    done = min(queued, n - left)
    return {"seconds": seconds, "done": done, "began": began, "processor": processor}


def idle(n: int, passes: int) -> dict[str, Any]:
    """Ticks over `n` schedules that are due in a day's time, half a second apart."""
    load(n, (datetime.now(UTC) + DAY).timestamp(), 0.5)
    scheduler = beat()
    taken = []
    for _ in range(passes + 1):
        begin = time.perf_counter()
        scheduler.tick()
        taken.append(time.perf_counter() - begin)
    scheduler.close()
    return {"seconds": statistics.median(taken[1:])}


if __name__ == "__main__":
    tasks: dict[str, Callable[..., Any]] = {"load": load, "dispatch": dispatch, "idle": idle}
    print(json.dumps(tasks[sys.argv[1]](**json.loads(sys.argv[2]))))
