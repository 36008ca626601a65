"""Celery's canvas, as a program of its own environment: `flows_celery.py TASK PARAMETERS`.

It is also the app that `celery -A flows_celery worker` loads.
"""

from __future__ import annotations

import flows  # type: ignore[import-not-found]
from celery import Celery, chain, group, signals  # type: ignore[import-not-found]

app = Celery("flows_celery", broker=flows.settings["url"], backend=flows.settings["url"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": flows.settings["visibility"],
        "unacked_restore_throttle": 1,
    },
    result_extended=False,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
)


@app.task  # type: ignore[untyped-decorator]
def link(before: dict[str, int], run: str) -> dict[str, int]:
    """A step of a chain."""
    flows.step(run, before["number"])
    return {"number": before["number"] + 1}


@app.task  # type: ignore[untyped-decorator]
def first(run: str) -> dict[str, int]:
    """The step before the fan."""
    flows.step(run, 0)
    return {"number": 1}


@app.task  # type: ignore[untyped-decorator]
def one(before: dict[str, int], run: str, number: int) -> dict[str, int]:
    """A step of the fan."""
    flows.step(run, number)
    return {"number": number * before["number"]}


@app.task  # type: ignore[untyped-decorator]
def join(results: list[dict[str, int]], run: str) -> dict[str, int]:
    """The step after the fan."""
    flows.step(run, len(results) + 1)
    return {"sum": sum(one["number"] for one in results)}


@signals.worker_ready.connect  # type: ignore[untyped-decorator]
def ready(**_: object) -> None:
    """Tell the bench that the worker takes messages."""
    open(f"{flows.settings['ledger']}.ready", "w").close()  # noqa: PTH123


def begin(shape: str, run: str, width: int) -> flows.Wait:
    """Start a run."""
    if shape == "chain":
        links = [link.s({"number": 0}, run), *[link.s(run)] * (width - 1)]
        return chain(*links).apply_async().get
    many = group(one.s(run, number) for number in range(1, width + 1))
    return chain(first.s(run), many, join.s(run)).apply_async().get


if __name__ == "__main__":
    flows.main(begin)
