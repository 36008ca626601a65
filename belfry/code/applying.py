"""The steps of a plan, one by one.

Each step is one request that does all of it or nothing, and the plan is made anew each time. So a
run that was cut off is continued by another one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

from belfry.client import Client, Json, at
from belfry.code import comparing
from belfry.code.planning import Action, Plan, Step
from belfry.problems import Exit, Failure

_PATHS = {"schedule": "schedules", "calendar": "calendars"}


def apply(client: Client, plan: Plan, tell: Callable[[Step, Json | None], None]) -> None:
    """Do the steps, and `tell` each that is done with what the API then shows. Stops at the first
    that fails: the `Failure` names it, and says what was done and what was not."""
    moved: set[str] = set()
    for number, step in enumerate(plan.steps):
        try:
            shown = _do(client, plan.owner, _renewed(client, step) if step.id in moved else step)
        except Failure as failure:
            left = len(plan.steps) - number
            place = f"{step.place}: " if step.place else ""
            said = f"{place}{step.action} {step.kind} {step.key}: {failure.text}\n"
            said += f"{number} done, {left} not done; run it again to go on."
            raise Failure(failure.code, said, failure.document) from failure
        tell(step, shown)
        if step.kind == "calendar" and shown is not None:
            moved.update(shown.get("schedules_changed", ()))


def _renewed(client: Client, step: Step) -> Step:
    """The step of a schedule that a calendar of this plan has changed, with the ETag that it has
    now. Raises `Failure` if it is not as the plan saw it otherwise."""
    answer = client.ask("GET", at(_PATHS[step.kind], step.id or ""))
    if comparing.decided(answer.body) != step.seen:
        raise Failure(Exit.CONFLICT, f"{step.id} was changed since the plan was made")
    return replace(step, etag=answer.headers.get("etag"))


def _do(client: Client, owner: str, step: Step) -> Json | None:
    still = {"if-match": step.etag} if step.etag else {}
    match step.action:
        case Action.CREATE:
            return _created(client, owner, step)
        case Action.CHANGE:
            one = at(_PATHS[step.kind], step.id or "")
            changed: Json = client.ask("PATCH", one, body=dict(step.body), headers=still).body
            return changed
        case Action.DELETE:
            _deleted(client, step, still)
    return None


def _created(client: Client, owner: str, step: Step) -> Json:
    """The schedule or calendar, made once: two processes that apply the same at once send the
    same key.

    For a day that key gets the same answer. If what was made then is deleted since, it is made
    anew.
    """
    said: Any = [owner, step.kind, step.key, step.body]
    key = sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    path, body = at(_PATHS[step.kind]), dict(step.body)
    answer = client.make(path, body, key=key)
    if "idempotency-replayed" in answer.headers and not _is_there(client, step, answer.body["id"]):
        answer = client.make(path, body)
    made: Json = answer.body
    return made


def _is_there(client: Client, step: Step, made: str) -> bool:
    try:
        client.get(at(_PATHS[step.kind], made))
    except Failure as failure:
        if failure.code is Exit.NOT_FOUND:
            return False
        raise
    return True


def _deleted(client: Client, step: Step, still: dict[str, str]) -> None:
    try:
        client.ask("DELETE", at(_PATHS[step.kind], step.id or ""), headers=still)
    except Failure as failure:
        if failure.code is not Exit.NOT_FOUND:  # else somebody else has deleted it
            raise
