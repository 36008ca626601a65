"""Prefect, as a program of its own environment: `flows_prefect.py TASK PARAMETERS` (flows.py).

The server is another process; the flows run in this one, on threads.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import flows  # type: ignore[import-not-found]
from prefect import flow, task  # type: ignore[import-not-found]
from prefect.futures import PrefectFuture  # type: ignore[import-not-found]

POOL = ThreadPoolExecutor(10)


@task(persist_result=True)  # type: ignore[untyped-decorator]
def link(run: str, before: dict[str, int]) -> dict[str, int]:
    """A step of a chain."""
    flows.step(run, before["number"])
    return {"number": before["number"] + 1}


@task(persist_result=True)  # type: ignore[untyped-decorator]
def first(run: str) -> dict[str, int]:
    """The step before the fan."""
    flows.step(run, 0)
    return {"number": 1}


@task(persist_result=True)  # type: ignore[untyped-decorator]
def one(run: str, number: int, before: dict[str, int]) -> dict[str, int]:
    """A step of the fan."""
    flows.step(run, number)
    return {"number": number * before["number"]}


@task(persist_result=True)  # type: ignore[untyped-decorator]
def join(run: str, results: list[dict[str, int]]) -> dict[str, int]:
    """The step after the fan."""
    flows.step(run, len(results) + 1)
    return {"sum": sum(one["number"] for one in results)}


@flow(persist_result=True)  # type: ignore[untyped-decorator]
def chain(run: str, width: int) -> dict[str, int]:
    """Steps one after the other."""
    result = {"number": 0}
    for _ in range(width):
        result = link(run, result)
    return result


@flow(persist_result=True)  # type: ignore[untyped-decorator]
def fan(run: str, width: int) -> dict[str, int]:
    """By its documentation: tasks beside each other are submitted, to threads."""
    before = first(run)
    futures: list[PrefectFuture[dict[str, int]]] = [
        one.submit(run, number, before) for number in range(1, width + 1)
    ]
    ended: dict[str, int] = join(run, [future.result() for future in futures])
    return ended


def begin(shape: str, run: str, width: int) -> flows.Wait:
    """Start a run."""
    future = POOL.submit(chain if shape == "chain" else fan, run, width)
    return future.result


if __name__ == "__main__":
    flows.main(begin)
