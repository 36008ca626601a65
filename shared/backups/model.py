"""What is known of a backup, and where it lies.

The manifest lies beside its blob as JSON. `verified` is the only word on whether the backup may
be relied upon, and it becomes true only after a restore.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

FORMAT = 1
MANIFEST_SUFFIX = ".manifest.json"
_SHOWN_DIFFERENCES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """One backup."""

    id: str
    source: str
    engine: str
    engine_version: str
    dump_version: str
    database: str
    blob: str
    started_at: datetime
    finished_at: datetime
    """When the blob was whole; the proof comes after."""
    duration_seconds: float
    bytes: int
    uncompressed_bytes: int
    sha256: str
    """Of the stored, compressed bytes."""
    tables: Mapping[str, int]
    """Rows in each table at the instant of the dump."""
    verified: bool
    verified_at: datetime | None
    verify_seconds: float | None
    job_id: str
    attempt: int

    def to_json(self) -> dict[str, object]:
        """A JSON object; `from_json` reads it back."""
        values: dict[str, object] = {"format": FORMAT, **asdict(self)}
        values["tables"] = dict(self.tables)
        for name in ("started_at", "finished_at", "verified_at"):
            instant = values[name]
            if isinstance(instant, datetime):
                values[name] = instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Manifest:
        """Raises `ValueError` if this is not a manifest of a format that is known."""
        if values.get("format") != FORMAT:
            raise ValueError(f"format is {values.get('format')!r}; this version reads {FORMAT}")
        missing = [item.name for item in fields(cls) if item.name not in values]
        if missing:
            raise ValueError(f"lacks {', '.join(missing)}")
        known = {item.name: values[item.name] for item in fields(cls)}
        for name in ("started_at", "finished_at", "verified_at"):
            if known[name] is not None:
                known[name] = datetime.fromisoformat(known[name])
        return cls(**known)


def safe_name(database: str) -> str:
    """`database` with only A-Z a-z 0-9 _ . - left, so that it may stand in a blob's name."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", database).strip(".") or "database"


def blob_name(database: str, taken_at: datetime, suffix: str) -> str:
    """Where a backup taken at that instant goes."""
    name, at = safe_name(database), taken_at.astimezone(UTC)
    return f"{day_prefix(database, at)}{name}-{at:%Y%m%dT%H%M%SZ}.{suffix}"


def day_prefix(database: str, day: datetime) -> str:
    """What the names of all backups of that database on that UTC day begin with."""
    at = day.astimezone(UTC)
    return f"{safe_name(database)}/{at:%Y}/{at:%m}/{at:%d}/"


def manifest_name(blob: str) -> str:
    """The name of that blob's manifest."""
    return blob + MANIFEST_SUFFIX


def differences(source: Mapping[str, int], restored: Mapping[str, int]) -> str:
    """Which tables do not have the same number of rows, with both numbers; empty if all have."""
    wrong = [
        f"table {name} had {_rows(source.get(name))} in the source "
        f"and {_rows(restored.get(name))} when restored"
        for name in sorted({*source, *restored})
        if source.get(name) != restored.get(name)
    ]
    more = len(wrong) - _SHOWN_DIFFERENCES
    return "; ".join(wrong[:_SHOWN_DIFFERENCES] + ([f"and {more} more"] if more > 0 else []))


def _rows(count: int | None) -> str:
    return "no such table" if count is None else "1 row" if count == 1 else f"{count} rows"
