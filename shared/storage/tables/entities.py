"""Converts values to table entities and back; docs/architecture.md explains the keys.

Each shard is a partition. The row keys are `schedule:{id}`, `due:{instant}:{id}` (the due index,
sorted by time), `job:{schedule id}:{inverted instant}:{id}` (a schedule's ended jobs, newest
first), `version:{id}:{since}` (what it was to run, and since when) and `log:{job id}` (of a running
job). A merge cannot remove a property, so a value that is not set is stored as an empty string.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job, Status, parse_id
from shared.schedules.model import (
    Backfilling,
    Band,
    CatchUp,
    Definition,
    LiveJob,
    Overlap,
    Policy,
    Progress,
    Schedule,
    Version,
)
from shared.schedules.spent import NOTHING, Spent
from shared.settings import Secret
from shared.storage.tables import observances

_FAR = 9_999_999_999
_ROOM = 32_000
"""The most characters in a property: 64 KiB in UTF-16."""
_LIVE = tuple(LiveJob.__dataclass_fields__)
_INSTANTS = ("due_at", "available_at", "started_at", "first_started_at", "lease_until")


def schedule_key(schedule_id: str) -> str:
    return f"schedule:{schedule_id}"


def due_key(at: datetime, schedule_id: str = "") -> str:
    return f"due:{at.astimezone(UTC):%Y%m%dT%H%M%SZ}:{schedule_id}"


def job_key(job_id: str) -> str:
    return f"{job_prefix(*parse_id(job_id))}:{job_id}"


def job_prefix(schedule_id: str, due_at: datetime) -> str:
    """A key that sorts before every job of the schedule that was due then or earlier."""
    return f"job:{schedule_id}:{_FAR - int(due_at.timestamp()):010d}"


def job_range(
    schedule_id: str, since: datetime | None = None, until: datetime | None = None
) -> tuple[str, str]:
    """The range of keys (from, up to but without) of a schedule's jobs that were due from `since`
    to `until`, both to the second."""
    lower, upper = f"job:{schedule_id}:", f"job:{schedule_id};"
    if until is not None:
        lower = job_prefix(schedule_id, until)
    if since is not None:
        upper = job_prefix(schedule_id, since) + ";"
    return lower, upper


def log_key(job_id: str) -> str:
    return f"log:{job_id}"


def user_properties(schedule: Schedule) -> dict[str, Any]:
    """The properties that the API writes."""
    what, policy = schedule.definition, schedule.policy
    return {
        "name": what.name,
        "description": what.description,
        "project_id": _or_empty(what.project_id),
        "task_type": what.task_type,
        "task_parameters": json.dumps(dict(what.task_parameters)),
        "enabled": what.enabled,
        "tags": json.dumps(dict(what.tags)),
        "heartbeat_url": what.heartbeat_url.reveal(),
        **_recurrence_properties(what.recurrence),
        "policy": _policy_text(policy),
        "revision": schedule.revision,
        "configured": schedule.configured,
        "created_at": stamp(schedule.created_at),
        "updated_at": stamp(schedule.updated_at),
        "deleted_at": stamp(schedule.deleted_at),
    }


def engine_properties(progress: Progress) -> dict[str, Any]:
    """The properties that the engine writes."""
    return {
        "next_run_at": stamp(progress.next_run_at),
        "live": _lives(progress.live),
        **_looked_for(progress.live),
        "success_count": progress.success_count,
        "failure_count": progress.failure_count,
        "skipped_count": progress.skipped_count,
        "missed_count": progress.missed_count,
        "cancelled_count": progress.cancelled_count,
        "handed_out": progress.handed_out,
        "failures_in_row": progress.failures_in_row,
        "paused_reason": progress.paused_reason or "",
        "paused_at": stamp(progress.paused_at),
        "last_run_at": stamp(progress.last_run_at),
        "ended_at": stamp(progress.ended_at),
        "last_due_at": stamp(progress.last_due_at),
        "last_error": progress.last_error or "",
        "backfill": _backfilling(progress.backfill),
        "backfilled_at": stamp(progress.backfilled_at),
    }


def _looked_for(live: Sequence[LiveJob]) -> dict[str, str]:
    """The properties by which the sweep finds schedules (`dispatch.sweep`): since when a job has
    been waiting for a worker, and when the last lease ends."""
    waiting = [job.available_at for job in live if job.lease_until is None]
    leases = [job.lease_until for job in live if job.lease_until is not None]
    return {
        "waiting_since": stamp(min(waiting, default=None)),
        "leased_to": stamp(max(leases, default=None)),
    }


def version_key(schedule_id: str, since: datetime | None = None) -> str:
    return f"version:{schedule_id}:" + (
        f"{since.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}" if since else ""
    )


def version_properties(version: Version) -> dict[str, Any]:
    when = version.recurrence
    return {
        "schedule_id": version.schedule_id,
        "revision": version.revision,
        "since": stamp(version.since),
        "reason": version.reason,
        "expects": when is not None,
    } | (_recurrence_properties(when) if when is not None else {})


def to_version(entity: Mapping[str, Any]) -> Version:
    return Version(
        schedule_id=entity["schedule_id"],
        revision=entity["revision"],
        since=_must(entity["since"]),
        recurrence=_recurrence(entity) if entity["expects"] else None,
        reason=entity["reason"],
    )


def _recurrence_properties(when: Recurrence) -> dict[str, Any]:
    return {
        "frequency": when.frequency.value,
        "timezone": when.timezone,
        "cron_expression": when.cron_expression or "",
        "interval_seconds": _or_empty(when.interval_seconds),
        "start_time": stamp(when.start_time),
        "end_time": stamp(when.end_time),
        "when": _when(when),
        "calendar": observances.to_text(when.calendar),
    }


def _when(when: Recurrence) -> str:
    """What the other properties cannot say, as a JSON object; empty if there is nothing more."""
    local = when.start_local
    said = {
        "cron_expressions": when.cron_expressions,
        "exclude_cron_expressions": when.exclude_cron_expressions,
        "rrule": when.rrule,
        "start_local": local.isoformat() if local is not None else None,
    }
    said = {name: value for name, value in said.items() if value}
    return json.dumps(said) if said else ""


def to_schedule(entity: Mapping[str, Any], etag: str) -> Schedule:
    return Schedule(
        id=entity["RowKey"].removeprefix("schedule:"),
        definition=Definition(
            name=entity["name"],
            description=entity["description"],
            project_id=_int(entity["project_id"]),
            task_type=entity["task_type"],
            task_parameters=_object(entity["task_parameters"]),
            enabled=entity["enabled"],
            tags=_tags(entity["tags"]),
            heartbeat_url=Secret(entity.get("heartbeat_url", "")),
            recurrence=_recurrence(entity),
        ),
        policy=_policy(entity["policy"]),
        progress=_progress(entity),
        revision=int(entity["revision"]),
        configured=entity["configured"],
        created_at=_must(entity["created_at"]),
        updated_at=_must(entity["updated_at"]),
        deleted_at=instant(entity["deleted_at"]),
        etag=etag,
    )


def job_properties(job: Job) -> dict[str, Any]:
    return {
        "job_id": job.id,
        "schedule_id": job.schedule_id,
        "schedule_name": job.schedule_name,
        "project_id": _or_empty(job.project_id),
        "task_type": job.task_type,
        "status": job.status.value,
        "due_at": stamp(job.due_at),
        "jitter": job.jitter,
        "attempt": job.attempt,
        "started_at": stamp(job.started_at),
        "first_started_at": stamp(job.first_started_at),
        "finished_at": stamp(job.finished_at),
        "worker": job.worker or "",
        "parameters": json.dumps(dict(job.parameters)),
        "result": "" if job.result is None else json.dumps(dict(job.result)),
        "error": job.error or "",
        "reason": job.reason or "",
        "log": job.log,
        **({"tags": json.dumps(dict(job.schedule_tags))} if job.schedule_tags else {}),
        **({} if job.count == 1 else {"count": job.count, "last_due_at": stamp(job.last_due_at)}),
        **({} if job.spent is None else _spent_properties(job.spent)),
        **({"taken_over": job.taken_over} if job.taken_over else {}),
        **({"trace": job.trace} if job.trace else {}),
    }


def _spent_properties(spent: Spent) -> dict[str, Any]:
    return {
        "gb_seconds": f"{spent.gb_seconds:.6f}",
        "table_requests": spent.table_requests,
        "blob_requests": spent.blob_requests,
        **({"transfer_bytes": str(spent.transfer_bytes)} if spent.transfer_bytes else {}),
    }


def to_spent(entity: Mapping[str, Any]) -> Spent | None:
    """What a job used; None if its row does not say."""
    if "gb_seconds" not in entity:
        return None
    return Spent(
        gb_seconds=float(entity["gb_seconds"]),
        table_requests=entity["table_requests"],
        blob_requests=entity["blob_requests"],
        transfer_bytes=int(entity.get("transfer_bytes") or 0),
    )


def first_start(entity: Mapping[str, Any]) -> datetime | None:
    """When the first attempt of an ended job started."""
    said = instant(entity.get("first_started_at") or "")
    return said or _only_start(instant(entity["started_at"]), entity["attempt"])


def to_job(entity: Mapping[str, Any]) -> Job:
    return Job(
        id=entity["job_id"],
        schedule_id=entity["schedule_id"],
        schedule_name=entity["schedule_name"],
        project_id=_int(entity["project_id"]),
        task_type=entity["task_type"],
        status=Status(entity["status"]),
        due_at=_must(entity["due_at"]),
        jitter=entity.get("jitter", 0),
        attempt=entity["attempt"],
        started_at=instant(entity["started_at"]),
        first_started_at=first_start(entity),
        finished_at=instant(entity["finished_at"]),
        worker=entity["worker"] or None,
        parameters=_object(entity["parameters"]),
        result=_object(entity["result"]) if entity["result"] else None,
        error=entity["error"] or None,
        reason=entity["reason"] or None,
        log=entity["log"],
        count=int(entity.get("count", 1)),
        last_due_at=instant(entity.get("last_due_at", "")),
        spent=to_spent(entity),
        taken_over=int(entity.get("taken_over", 0)),
        trace=entity.get("trace") or None,
        schedule_tags=_tags(entity.get("tags", "{}")),
    )


def stamp(at: datetime | None) -> str:
    """ISO 8601 in UTC; empty for None."""
    if at is None:
        return ""
    return (at if at.tzinfo is UTC else at.astimezone(UTC)).isoformat()


def instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _policy_text(policy: Policy) -> str:
    """Without a band that is the default: earlier versions do not know it."""
    said = asdict(policy)
    if policy.band is Band.ALERT:
        del said["band"]
    return json.dumps(said)


@functools.lru_cache(256)
def _policy(text: str) -> Policy:
    """Cached, since most schedules share their policy with many others."""
    said = json.loads(text)
    enums = {
        "catch_up": CatchUp(said["catch_up"]),
        "overlap": Overlap(said["overlap"]),
        "band": Band(said.get("band", Band.ALERT)),
    }
    return Policy(**said | enums)


def _recurrence(entity: Mapping[str, Any]) -> Recurrence:
    properties = ("frequency", "timezone", "cron_expression", "interval_seconds")
    said = (entity[name] for name in (*properties, "start_time", "end_time"))
    more = (entity.get(name, "") for name in ("when", "calendar"))  # which were not always stored
    return _recurrence_of(*said, *more)


@functools.lru_cache(1024)
def _recurrence_of(
    frequency: str,
    timezone: str,
    cron: str,
    interval: str,
    start_time: str,
    end_time: str,
    when: str,
    calendar: str,
) -> Recurrence:
    more = _object(when) if when else {}
    return Recurrence(
        frequency=Frequency(frequency),
        timezone=timezone,
        cron_expression=cron or None,
        cron_expressions=tuple(more.get("cron_expressions", ())),
        exclude_cron_expressions=tuple(more.get("exclude_cron_expressions", ())),
        interval_seconds=_int(interval),
        rrule=more.get("rrule"),
        start_time=instant(start_time),
        start_local=instant(more.get("start_local", "")),
        end_time=instant(end_time),
        calendar=observances.of_text(calendar),
        stored=True,
    )


def _progress(entity: Mapping[str, Any]) -> Progress:
    return Progress(
        next_run_at=instant(entity["next_run_at"]),
        live=tuple(_to_live(item) for item in json.loads(entity["live"])),
        success_count=entity["success_count"],
        failure_count=entity["failure_count"],
        skipped_count=entity["skipped_count"],
        missed_count=entity["missed_count"],
        cancelled_count=entity.get("cancelled_count", 0),
        handed_out=entity.get("handed_out", 0),
        failures_in_row=entity.get("failures_in_row", 0),
        paused_reason=entity.get("paused_reason") or None,
        paused_at=instant(entity.get("paused_at", "")),
        last_run_at=instant(entity["last_run_at"]),
        ended_at=instant(entity.get("ended_at", "")),
        last_due_at=instant(entity.get("last_due_at", "")),
        last_error=entity["last_error"] or None,
        backfill=_to_backfilling(entity.get("backfill", "")),
        backfilled_at=instant(entity.get("backfilled_at", "")),
    )


def _backfilling(one: Backfilling | None) -> str:
    return "" if one is None else json.dumps({**asdict(one), "at": stamp(one.at)})


def _to_backfilling(text: str) -> Backfilling | None:
    if not text:
        return None
    said = json.loads(text)
    return Backfilling(**said | {"at": instant(said["at"])})


def recurrence_text(when: Recurrence) -> str:
    """A recurrence as one text; `recurrence_of` reads it."""
    return json.dumps(_recurrence_properties(when))


def recurrence_of(text: str) -> Recurrence:
    """The recurrence that `recurrence_text` wrote."""
    return _recurrence(json.loads(text))


def _lives(jobs: Sequence[LiveJob]) -> str:
    """The jobs as JSON. If they do not fit into one property, their traces are left out, and their
    texts are cut; if that is not enough, what they used is left out, too. That a job was cancelled
    is kept."""
    text = ""
    for most in (_ROOM, 400, 40, 0):
        text = json.dumps([_live(job, most) for job in jobs], separators=(",", ":"))
        if len(text) <= _ROOM:
            break
    return text


def _live(job: LiveJob, most: int) -> dict[str, Any]:
    said = {name: getattr(job, name) for name in _LIVE}
    said["error"] = job.error[:most] or None if job.error is not None else None
    said["cancel"] = job.cancel[:most] if job.cancel is not None else None
    said["held"] = job.held[:most] or None if job.held is not None else None
    if most < _ROOM:
        del said["trace"]
    if job.first_started_at == _only_start(job.started_at, job.attempt):
        del said["first_started_at"]
    if job.spent == NOTHING or not most:
        del said["spent"]
    else:
        used = job.spent
        said["spent"] = [round(used.gb_seconds, 6), used.table_requests, used.blob_requests]
        if used.transfer_bytes:
            said["spent"].append(used.transfer_bytes)
    return {
        name: _short(value) if isinstance(value, datetime) else value
        for name, value in said.items()
        if value not in (None, 0)
    }


def _to_live(item: dict[str, Any]) -> LiveJob:
    """A live job; fields that only a later version knows are left out."""
    values: dict[str, Any] = {
        name: instant(value) if name in _INSTANTS else value
        for name, value in item.items()
        if name in _LIVE
    }
    if "first_started_at" not in values:
        only = _only_start(values.get("started_at"), values.get("attempt", 0))
        values["first_started_at"] = only
    if "spent" in values:
        seconds, tables, blobs, *moved = values["spent"]
        values["spent"] = Spent(
            gb_seconds=seconds,
            table_requests=tables,
            blob_requests=blobs,
            transfer_bytes=sum(moved),
        )
    return LiveJob(**values)


def _only_start(started_at: datetime | None, attempt: int) -> datetime | None:
    """When the first attempt started, if the row does not say: the start of the only attempt.

    Earlier versions of the app did not store it. In their rows it is unknown if there was a second
    attempt, and such jobs have no lateness.
    """
    return started_at if attempt <= 1 else None


def _short(at: datetime) -> str:
    """An instant in the basic form of ISO 8601: many live jobs share one property."""
    return stamp(at).removesuffix("+00:00").replace("-", "").replace(":", "") + "Z"


def _object(text: str) -> dict[str, Any]:
    """A JSON object. Raises `TypeError` for another value: somebody wrote into the row."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError(f"{text!r:.60} is no JSON object")
    return found


def _tags(text: str) -> dict[str, str]:
    """The tags. Rows of earlier versions have a list of names, whose values are then empty."""
    found = json.loads(text)
    named = dict.fromkeys(found, "") if isinstance(found, list) else dict(found)
    if not all(isinstance(one, str) for pair in named.items() for one in pair):
        raise TypeError(f"{text!r:.60} holds what is no text")
    return named


def _must(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _or_empty(number: int | None) -> str:
    """The number as text: a table's own integers have 31 bits, unless they are annotated."""
    return "" if number is None else str(number)


def _int(value: str) -> int | None:
    return None if value == "" else int(value)
