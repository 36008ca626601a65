"""DBOS, as a program of its own environment: `flows_dbos.py TASK PARAMETERS` (flows.py)."""

from __future__ import annotations

import asyncio

import flows  # type: ignore[import-not-found]
from dbos import DBOS, SetWorkflowID  # type: ignore[import-not-found]

DBOS(
    config={
        "name": "bench",
        "system_database_url": flows.settings["url"],
        "application_version": "1",
        "log_level": "WARNING",
    }
)


@DBOS.step()  # type: ignore[untyped-decorator]
def link(run: str, before: dict[str, int]) -> dict[str, int]:
    """A step of a chain."""
    flows.step(run, before["number"])
    return {"number": before["number"] + 1}


@DBOS.step()  # type: ignore[untyped-decorator]
async def first(run: str) -> dict[str, int]:
    """The step before the fan."""
    flows.step(run, 0)
    return {"number": 1}


@DBOS.step()  # type: ignore[untyped-decorator]
async def one(run: str, number: int, before: dict[str, int]) -> dict[str, int]:
    """A step of the fan."""
    flows.step(run, number)
    return {"number": number * before["number"]}


@DBOS.step()  # type: ignore[untyped-decorator]
async def join(run: str, results: list[dict[str, int]]) -> dict[str, int]:
    """The step after the fan."""
    flows.step(run, len(results) + 1)
    return {"sum": sum(one["number"] for one in results)}


@DBOS.workflow()  # type: ignore[untyped-decorator]
def chain(run: str, width: int) -> dict[str, int]:
    """Steps one after the other."""
    result = {"number": 0}
    for _ in range(width):
        result = link(run, result)
    return result


@DBOS.workflow()  # type: ignore[untyped-decorator]
async def fan(run: str, width: int) -> dict[str, int]:
    """By its documentation: steps beside each other are coroutines that are gathered."""
    before = await first(run)
    results = await asyncio.gather(*[one(run, n, before) for n in range(1, width + 1)])
    ended: dict[str, int] = await join(run, list(results))
    return ended


def begin(shape: str, run: str, width: int) -> flows.Wait:
    """Start a run."""
    with SetWorkflowID(run):
        started = DBOS.start_workflow(chain if shape == "chain" else fan, run, width)
    return started.get_result


if __name__ == "__main__":
    flows.main(begin, DBOS.launch)
