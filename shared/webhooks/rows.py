"""Converts deliveries and endpoints to rows and back; `store` explains the keys."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from shared.errors import Damaged
from shared.storage.tables import row_keys
from shared.storage.tables.batch import Delete, Insert, Operation, Replace, Upsert
from shared.storage.tables.marked import marked
from shared.storage.tables.roll import Roll
from shared.storage.tables.roll_counts import Change
from shared.text import units
from shared.webhooks.endpoint import Endpoint, Pace
from shared.webhooks.model import Delivery, DeliveryStatus, Tried

PARTITION = "deliveries"
ROW = "delivery:"
_LOG = 30_000
"""Units of UTF-16: a property holds 32,000."""
_INSTANTS = ("due_at", "next_at", "claimed_at", "created_at", "ended_at")


def delivery_key(id: str) -> str:
    return f"{ROW}{id}"


def endpoint_key(hook: str) -> str:
    return f"endpoint:{hook}"


def due_key(at: datetime, id: str = "") -> str:
    return f"due:{stamp(at)}:{id}"


def ended_key(at: datetime, id: str = "") -> str:
    return f"ended:{stamp(at)}:{id}"


def open_key(delivery: Delivery) -> str:
    return f"open:{delivery.hook}:{stamp(delivery.due_at)}:{delivery.id}"


def id_in(key: str) -> str:
    """The delivery's id in any of these keys."""
    return key.rpartition(":")[2]


def stamp(at: datetime) -> str:
    """An instant as keys have it; their order is that of the instants."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"


def span(first: str, beyond: str) -> str:
    """A filter for the rows from one key on, and before another."""
    return row_keys.of(PARTITION, row_keys.between(first, beyond))


def beginning(prefix: str) -> str:
    """A filter for the rows whose keys begin with `prefix`."""
    return row_keys.of(PARTITION, row_keys.beginning(prefix))


def new_rows(delivery: Delivery) -> tuple[Insert, list[Operation]]:
    """(writes a delivery that was not stored before, writes the rows beside it)"""
    first = Insert(delivery_key(delivery.id), properties(delivery))
    return first, [Insert(key, said) for key, said in _beside(delivery).items()]


def changed_rows(before: Delivery, after: Delivery) -> tuple[Replace, list[Operation]]:
    """(writes a delivery, under its ETag; writes the rows beside it that are not as they were)"""
    main = Replace(delivery_key(after.id), before.etag, properties(after))
    old, new = _beside(before), _beside(after)
    steps: list[Operation] = [Delete(key) for key in old if key not in new]
    steps += [Insert(key, said) for key, said in new.items() if key not in old]
    steps += [Upsert(key, said) for key, said in new.items() if old.get(key, said) != said]
    return main, steps


def removed_rows(id: str, ended: str) -> list[Operation]:
    """Removes a delivery that ended, and was not begun again: `ended`, the key that says so, is
    there then. It has no other rows."""
    return [Delete(ended), Delete(delivery_key(id))]


def changes(before: Delivery | None, after: Delivery) -> list[Change]:
    """What is counted of a webhook's deliveries: those that ended. The open ones are few."""
    ended = [] if before is None or before.status == after.status else [(before, -1)]
    if before is None or before.status != after.status:
        ended.append((after, 1))
    return [ended_change(one.id, one.status, by) for one, by in ended if one.status.ended]


def ended_change(id: str, status: DeliveryStatus, by: int) -> Change:
    """That so many deliveries more ended: one, or one less."""
    hook, _, place = id.partition("-")
    return Change(hook, place, status.value, by)


def roll(hook: str) -> Roll:
    """The deliveries of a webhook."""
    return Roll(hook, delivery_key(f"{hook}-"))


def _beside(delivery: Delivery) -> dict[str, dict[str, Any]]:
    """The rows that go with it, by their keys."""
    said = {"status": delivery.status.value}
    found: dict[str, dict[str, Any]] = {}
    if delivery.next_at is not None:
        found[due_key(delivery.next_at, delivery.id)] = {}
    if delivery.status.ended:
        found[ended_key(delivery.ended_at or delivery.created_at, delivery.id)] = said
    else:
        found[open_key(delivery)] = said
    return found


def properties(delivery: Delivery) -> dict[str, Any]:
    """The row's properties, marked."""
    instants = {name: _iso(getattr(delivery, name)) for name in _INSTANTS}
    said = instants | {
        "webhook_id": delivery.webhook_id,
        "project_id": "" if delivery.project_id is None else str(delivery.project_id),
        "schedule_id": delivery.schedule_id,
        "job_id": delivery.job_id,
        "type": delivery.type,
        "body": delivery.body,
        "test": delivery.test,
        "status": delivery.status.value,
        "tries": delivery.tries,
        "attempts": delivery.attempts,
        "holder": delivery.holder,
        "http_status": delivery.http_status or 0,
        "error": delivery.error,
        "log": _log(delivery.log),
    }
    return marked(said)


def to_delivery(row: Mapping[str, Any]) -> Delivery:
    """The delivery in a row. Raises `Damaged` if it cannot be read."""
    try:
        id = id_in(row["RowKey"])
        return Delivery(
            id=id,
            hook=id.partition("-")[0],
            webhook_id=row["webhook_id"],
            project_id=int(row["project_id"]) if row["project_id"] else None,
            schedule_id=row["schedule_id"],
            job_id=row["job_id"],
            type=row["type"],
            due_at=datetime.fromisoformat(row["due_at"]),
            body=row["body"],
            test=row["test"],
            status=DeliveryStatus(row["status"]),
            tries=row["tries"],
            attempts=row["attempts"],
            next_at=_instant(row["next_at"]),
            holder=row["holder"],
            claimed_at=_instant(row["claimed_at"]),
            created_at=datetime.fromisoformat(row["created_at"]),
            ended_at=_instant(row["ended_at"]),
            http_status=row["http_status"] or None,
            error=row["error"],
            log=tuple(_tried(one) for one in json.loads(row["log"])),
            etag=row["etag"],
        )
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        said = f"the delivery's row {row.get('RowKey')} cannot be read ({error!r:.200})"
        raise Damaged(said) from error


_STATE = ("failing_since", "open_until", "probe_until", "asked_in")


def endpoint_properties(endpoint: Endpoint) -> dict[str, Any]:
    return {name: _iso(getattr(endpoint, name)) for name in _STATE} | {
        "pace": endpoint.pace.value,
        "failures": endpoint.failures,
        "openings": endpoint.openings,
        "probe": endpoint.probe,
        "error": endpoint.error,
        "asked": endpoint.asked,
    }


def to_endpoint(row: Mapping[str, Any] | None) -> Endpoint:
    """The endpoint in a row; if there is none, one that nothing is known of. One that cannot be
    read counts as well: a breaker must not stop what works."""
    if row is None:
        return Endpoint()
    try:
        instants = {name: _instant(row[name]) for name in _STATE}
        return Endpoint(
            pace=Pace(row["pace"]),
            failures=int(row["failures"]),
            openings=int(row["openings"]),
            probe=row["probe"],
            error=row["error"],
            asked=int(row["asked"]),
            etag=row["etag"],
            **instants,
        )
    except (LookupError, ValueError, TypeError):
        return Endpoint(etag=row["etag"])


def _log(log: Sequence[Tried]) -> str:
    """The attempts as JSON; of the older ones, if there is no room, without what was answered."""
    lines = [{**asdict(one), "at": one.at.isoformat()} for one in log]
    for line in [None, *lines]:
        if line is not None:
            line.update(head="", body="")
        if units(text := json.dumps(lines, ensure_ascii=False)) <= _LOG:
            return text
    return "[]"


def _tried(said: Mapping[str, Any]) -> Tried:
    return replace(Tried(**said), at=datetime.fromisoformat(said["at"]))


def _iso(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat()


def _instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
