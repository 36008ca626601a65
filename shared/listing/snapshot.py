"""A shard's part of the index as a blob: JSON columns, compressed. Pure: (what is known) <-> bytes.

It says up to where it holds: `head`, the shard's row `changed` when it was made, and `position`,
the instant up to which the feed's rows are in it for certain.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.errors import Damaged
from shared.listing.columns import FREQUENCIES, STATES, Words, instant, micros
from shared.recurrence import Frequency
from shared.schedules.listed import Listed, ScheduleState

_FORM = 2
"""Grows when the form changes; a snapshot of another form is made anew."""
_GARBLED = (ValueError, KeyError, TypeError, IndexError, AttributeError, zlib.error, RecursionError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """A shard's schedules, as they were."""

    shard: str
    epoch: str
    """Of the fact `index` (`changed.INDEX`); of another one, it must not be used."""
    head: str
    position: datetime
    seen: Collection[str]
    """Keys of the feed's rows since then that are in it already."""
    schedules: Sequence[Listed]


def encoded(made: Snapshot) -> bytes:
    """The snapshot as bytes."""
    all_of = made.schedules
    tasks: Words[str] = Words()
    tags: Words[tuple[tuple[str, str], ...]] = Words()
    calendars: Words[tuple[str, ...]] = Words()
    said: dict[str, Any] = {
        "form": _FORM,
        "shard": made.shard,
        "epoch": made.epoch,
        "head": made.head,
        "position": made.position.isoformat(),
        "seen": sorted(made.seen),
        "states": [one.value for one in STATES],
        "frequencies": [one.value for one in FREQUENCIES],
        "id": [one.id for one in all_of],
        "name": [one.name for one in all_of],
        "project": [one.project_id for one in all_of],
        "task": [tasks.number(one.task_type) for one in all_of],
        "tag": [tags.number(one.tags) for one in all_of],
        "calendar": [calendars.number(one.calendars) for one in all_of],
        "frequency": [FREQUENCIES.index(one.frequency) for one in all_of],
        "state": [STATES.index(one.state) for one in all_of],
        "enabled": [int(one.enabled) for one in all_of],
        "once": [int(one.once) for one in all_of],
        "system": [int(one.system) for one in all_of],
        "revision": [one.revision for one in all_of],
        "created": [micros(one.created_at) for one in all_of],
        "deleted": [micros(one.deleted_at) if one.deleted_at else 0 for one in all_of],
        "tasks": tasks.all,
        "tags": tags.all,
        "calendars": calendars.all,
    }
    return zlib.compress(json.dumps(said, separators=(",", ":")).encode(), 6)


def decoded(data: bytes) -> Snapshot:
    """The snapshot of these bytes. Raises `Damaged` if they are none, or of another form."""
    try:
        said = json.loads(zlib.decompress(data))
        if said["form"] != _FORM:
            raise ValueError(f"its form is {said['form']}, not {_FORM}")
        return Snapshot(
            shard=said["shard"],
            epoch=said["epoch"],
            head=said["head"],
            position=datetime.fromisoformat(said["position"]),
            seen=frozenset(said["seen"]),
            schedules=_schedules(said),
        )
    except _GARBLED as error:
        raise Damaged(f"the snapshot cannot be read ({error!r:.200})") from error


def _schedules(said: dict[str, Any]) -> list[Listed]:
    states = [ScheduleState(one) for one in said["states"]]
    frequencies = [Frequency(one) for one in said["frequencies"]]
    tags = [tuple((name, value) for name, value in one) for one in said["tags"]]
    calendars = [tuple(one) for one in said["calendars"]]
    names = ("id", "name", "project", "task", "tag", "calendar", "frequency", "state", "enabled")
    columns = [said[name] for name in (*names, "once", "system", "revision", "created", "deleted")]
    return [
        Listed(
            id=schedule_id,
            name=name,
            project_id=project,
            task_type=said["tasks"][task],
            frequency=frequencies[frequency],
            tags=tags[tag],
            calendars=calendars[calendar],
            enabled=bool(enabled),
            state=states[state],
            once=bool(once),
            system=bool(system),
            revision=revision,
            created_at=instant(created),
            deleted_at=instant(deleted) if deleted else None,
        )
        for (
            schedule_id,
            name,
            project,
            task,
            tag,
            calendar,
            frequency,
            state,
            enabled,
            once,
            system,
            revision,
            created,
            deleted,
        ) in zip(*columns, strict=True)
    ]
