"""What is there at the end of `apply`, told to the API, which watches it from then on."""

from __future__ import annotations

from belfry.client import Client, Json, at
from belfry.code.planning import Kept, Plan
from belfry.problems import Exit, Failure

MOST = 5000
"""The most schedules that the API watches for one owner."""


def record(client: Client, plan: Plan) -> str | None:
    """Tell the API what an owner has, by a plan that was made when all steps were done. Returns why
    it cannot be watched, if so. Raises `Failure`, also if the plan has steps again."""
    if plan.steps:
        said = f"All is done, but {len(plan.steps)} differ already, the first {plan.steps[0].key}: "
        raise Failure(Exit.CONFLICT, said + "somebody changed it meanwhile; run it again.")
    found = {"schedules": _named(plan, "schedule"), "calendars": _named(plan, "calendar")}
    if len(found["schedules"]) > MOST:
        return f"drift is not watched: {plan.owner} has more than {MOST} schedules; make it several"
    if any(one.number is None for one in plan.kept):
        return "drift is not watched: this Belfry is too old for it"
    path = at("applied", plan.owner)
    try:
        client.ask("PUT", path, body={kind: _body(some) for kind, some in found.items()})
    except Failure as failure:
        said = "All is done, but Belfry does not know it, so that it does not watch it for drift: "
        said += f"{failure.text}\nRun it again."
        raise Failure(failure.code, said, failure.document) from failure
    return None


def _named(plan: Plan, kind: str) -> dict[str, Kept]:
    """By key; of several with one key, the first."""
    found: dict[str, Kept] = {}
    for one in plan.kept:
        if one.kind == kind:
            found.setdefault(one.key, one)
    return found


def _body(some: dict[str, Kept]) -> Json:
    names = {"schedule": "revision", "calendar": "version"}
    return {key: {"id": one.id, names[one.kind]: one.number} for key, one in some.items()}
