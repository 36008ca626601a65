"""Approvals as rows of their table, which has one partition. Pure.

- `approval:{id}`: the approval.
- `in:{roll}:{place}`: that there is it, in each of its rolls (`shared.storage.tables.roll`).
- `job:{job id}`: which of a job's approvals counts, and how many there were.
- `latest:{schedule id}`: the approval of the schedule's newest occurrence.
- `tell:{id}`: people were not told of it yet.
- `wake:{id}`: it was decided, and its job was not woken yet.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from shared.approvals.model import Answer, Approval, ApprovalStatus, How, Vote
from shared.errors import Damaged, Refused
from shared.projects import name_of
from shared.storage.tables.batch import Delete, Insert, Operation
from shared.storage.tables.entities import instant, stamp
from shared.storage.tables.marked import marked
from shared.storage.tables.roll import Roll, added, removed, rolls_of
from shared.storage.tables.roll_counts import Change, left
from shared.tasks import Impact
from shared.tasks.preview import Preview

PARTITION = "approvals"
_PIECE = 30_000
MOST = 400_000
"""Characters of an approval, as JSON in ASCII."""
_INSTANTS = ("due_at", "requested_at", "expires_at", "decided_at", "begun_at", "reminded_at")


def approval_key(id: str) -> str:
    return f"approval:{id}"


def job_key(job_id: str) -> str:
    return f"job:{job_id}"


def latest_key(schedule_id: str) -> str:
    return f"latest:{schedule_id}"


def tell_key(id: str) -> str:
    return f"tell:{id}"


def wake_key(id: str) -> str:
    return f"wake:{id}"


def place_of(approval: Approval) -> str:
    """Where it is in its rolls."""
    return f"{left(approval.requested_at)}-{approval.id}"


def id_in(place: str) -> str:
    """The id of the approval at a place."""
    return place.partition("-")[2]


def _rolls(approval: Approval, status: ApprovalStatus) -> list[Roll]:
    return rolls_of(name_of(approval.project_id), status.value)


def properties(approval: Approval) -> dict[str, Any]:
    """What its row says. Raises `Refused` if that is too long to keep, and so to be shown."""
    said = asdict(approval)
    del said["etag"]
    said["excluded"] = sorted(approval.excluded)
    said |= {name: stamp(getattr(approval, name)) for name in _INSTANTS}
    said["votes"] = [asdict(one) | {"at": stamp(one.at)} for one in approval.votes]
    text = json.dumps(said, separators=(",", ":"))
    if len(text) > MOST:
        many = f"what it would do takes {len(text)} characters to show; {MOST} can be"
        raise Refused("approvals", f"{approval.job_id}: {many}")
    pieces = {f"body{at // _PIECE}": text[at : at + _PIECE] for at in range(0, len(text), _PIECE)}
    return marked({"status": approval.status.value, **pieces})


def to_approval(row: Mapping[str, Any]) -> Approval:
    """The approval in a row. Raises `Damaged`."""
    try:
        return _approval(row)
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise Damaged(f"the row {row.get('RowKey')} is no approval ({error!r:.200})") from error


def _approval(row: Mapping[str, Any]) -> Approval:
    count = sum(name.startswith("body") for name in row)
    said = json.loads("".join(row[f"body{number}"] for number in range(count)))
    shown = said["preview"]
    made = {
        **said,
        **{name: instant(said[name]) for name in _INSTANTS},
        "impact": Impact(said["impact"]),
        "status": ApprovalStatus(said["status"]),
        "excluded": frozenset(said["excluded"]),
        "preview": Preview(**shown | {"recipients": tuple(shown["recipients"])}),
        "votes": tuple(_vote(one) for one in said["votes"]),
        "etag": row["etag"],
    }
    return Approval(**made)


def _vote(said: Mapping[str, Any]) -> Vote:
    kinds = {"answer": Answer(said["answer"]), "how": How(said["how"])}
    return Vote(**{**said, **kinds, "at": datetime.fromisoformat(said["at"])})


def new_steps(approval: Approval) -> tuple[list[Operation], list[Change]]:
    """(what writes a new approval, the counts that change)."""
    place, rolls = place_of(approval), _rolls(approval, approval.status)
    steps: list[Operation] = [Insert(approval_key(approval.id), properties(approval))]
    steps += [Insert(one.rows + place, {}) for one in rolls]
    steps.append(Insert(tell_key(approval.id), {}))
    return steps, added(rolls, place, "")


def moved_steps(before: Approval, after: Approval) -> tuple[list[Operation], list[Change]]:
    """(what else is written when it changes, the counts that change). Once it is not pending, its
    job is to be woken."""
    if before.status is after.status:
        return [], []
    place = place_of(before)
    old, new = _of_status(before), _of_status(after)
    steps: list[Operation] = [Delete(one.rows + place) for one in old]
    steps += [Insert(one.rows + place, {}) for one in new]
    if before.pending:
        steps.append(Insert(wake_key(after.id), {"job_id": after.job_id}))
    return steps, [*removed(old, place, ""), *added(new, place, "")]


def removed_steps(approval: Approval) -> tuple[list[Operation], list[Change]]:
    """(what removes it, the counts that change)."""
    place, rolls = place_of(approval), _rolls(approval, approval.status)
    steps: list[Operation] = [Delete(approval_key(approval.id), approval.etag)]
    steps += [Delete(one.rows + place) for one in rolls]
    return steps, removed(rolls, place, "")


def _of_status(approval: Approval) -> list[Roll]:
    """The rolls that it is in only while it stands as it does."""
    always = {roll.name for roll in rolls_of(name_of(approval.project_id), "")}
    return [one for one in _rolls(approval, approval.status) if one.name not in always]


def ids_in(keys: Iterable[str]) -> list[str]:
    """The ids in keys of rows of one kind."""
    return [key.partition(":")[2] for key in keys]
