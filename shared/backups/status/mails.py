"""The mail about a backup job that ended (R4): to whom it goes, and in which words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.schedules.job import Job, Status

_QUIET = frozenset({Status.SKIPPED, Status.CANCELLED})
"""Outcomes that a person or a policy wanted."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A notification to every system administrator."""

    key: str
    subject: str
    text: str
    failed: bool = False
    """Whether there is an alert of it besides."""
    suspicious: bool = False
    """Whether it goes to the chats too."""


def mail_of(job: Job, name: str) -> Mail | None:
    """The mail about an ended job of the plan with that name; None if there is nothing to say."""
    by_its_task = job.status is Status.SKIPPED and job.result is not None
    if job.status in _QUIET and not by_its_task:
        return None
    lines = [f"job {job.id}", f"due at {_time(job.due_at)}"]
    if job.count > 1:
        lines.append(f"and {job.count - 1} more, up to {_time(job.due_until)}")
    if job.started_at is not None:
        lines.append(f"started at {_time(job.started_at)}")
    if job.duration_seconds is not None:
        lines.append(f"took {job.duration_seconds:.1f} s, attempt {job.attempt}")
    if job.status is not Status.SUCCEEDED and not by_its_task:
        lines += [f"{job.status.value}: {job.error or job.reason or 'no reason is known'}"]
        subject = f"Backup {job.status.value}: {name}"
        return Mail(f"backup:{job.id}", subject, "\n".join(lines), failed=True)
    result: Mapping[str, Any] = job.result or {}
    backups = result.get("backups", [])
    suspicions = False
    for backup in backups:
        lines += ["", *_described(backup)]
        suspicions = suspicions or bool(backup.get("suspicions"))
    lines += [f"skipped {what}: {why}" for what, why in result.get("skipped", {}).items()]
    if result.get("removed"):
        lines += ["", f"removed by retention: {len(result['removed'])}"]
    lines += [f"not removed: {why}" for why in result.get("not_removed", [])]
    word = "Backup suspicious" if suspicions else "Backup done"
    if not backups and result.get("skipped"):
        word = "Backup skipped"
    subject, text = f"{word}: {name}", "\n".join(lines)
    return Mail(f"backup:{job.id}", subject, text, suspicious=suspicions)


def _described(backup: Mapping[str, Any]) -> list[str]:
    """The lines on one backup: id, size, duration, time (R4)."""
    lines = [
        f"{backup.get('source')}/{backup.get('database')}: proved",
        f"  id {backup.get('id')}",
        f"  as of {backup.get('started_at')}",
        f"  {_size(backup.get('bytes'))} stored, {_size(backup.get('uncompressed_bytes'))} dumped",
        f"  took {backup.get('duration_seconds')} s, restored in {backup.get('restore_seconds')} s "
        "(read back, restored, counted)",
    ]
    lines += [f"  LOOK: {said}" for said in backup.get("suspicions", [])]
    lines += [f"  proved without {rule}: the data breaks it" for rule in backup.get("without", [])]
    lines += [
        f"  no copy yet at {where}: {why}"
        for where, why in backup.get("missing_copies", {}).items()
    ]
    return lines


def _size(count: object) -> str:
    return f"{count / 1e6:,.1f} MB" if isinstance(count, int) else "?"


def _time(at: Any) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
