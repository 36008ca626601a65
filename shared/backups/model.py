"""What is known of a backup, and what its blobs are called.

Beside its blob lie the manifest (what was dumped) and reports (the result of each proof). All are
written once and never changed, so that they may lie in an immutable container. Only a backup whose
newest report says `verified` may be relied upon.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from shared.backups.source import Contents
from shared.log import instant
from shared.text import clean

FORMAT = 2
MANIFEST_SUFFIX = ".manifest.json"
_SHOWN_DIFFERENCES = 5
_INSTANTS = ("started_at", "finished_at")
_LISTS = ("schemas", "exclude_schemas")


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """What is known of a backup, except its tables; small enough for a blob's metadata."""

    id: str
    schedule_id: str
    """The plan that took it."""
    job_id: str
    attempt: int
    source: str
    engine: str
    engine_version: str
    dump_version: str
    database: str
    scope: str
    """Which part of the database: empty for all of it, else such as `schemas a, b`. A long list is
    cut to its beginning and a digest; the manifest has all of it."""
    started_at: datetime
    """When the dump began; its data is at least as new."""
    finished_at: datetime
    """When the blob was complete; the proof comes after."""
    duration_seconds: float
    compression: str
    encrypted: bool
    bytes: int
    uncompressed_bytes: int
    sha256: str
    """The hash of the bytes as stored: compressed, and encrypted if there is a key."""

    def age_seconds(self, now: datetime) -> float:
        """How old its data is; 0 if a clock has jumped back."""
        return max((now - self.started_at).total_seconds(), 0.0)

    def to_json(self) -> dict[str, object]:
        """A JSON object; `from_json` reads it back."""
        return {"format": FORMAT} | {
            name: instant(value) if isinstance(value, datetime) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises `ValueError` if a field is missing or the format is unknown."""
        if values.get("format") != FORMAT:
            raise ValueError(f"format is {values.get('format')!r:.60}; this version reads {FORMAT}")
        missing = [
            item.name for item in fields(cls) if item.name not in values and item.default is MISSING
        ]
        if missing:
            raise ValueError(f"lacks {', '.join(missing)}")
        known = {item.name: values[item.name] for item in fields(cls) if item.name in values}
        known |= {name: datetime.fromisoformat(known[name]) for name in _INSTANTS}
        return cls(**known | {name: tuple(known[name]) for name in _LISTS if name in known})


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest(Summary):
    """All that is known of a backup; lies beside its blob as JSON. Written once, never changed."""

    blob: str
    tables: Mapping[str, int]
    """Rows in each table at the instant of the dump."""
    schema: Mapping[str, str]
    """Every defined object, and a short digest of its definition."""
    schemas: tuple[str, ...] = ()
    """The complete `scope`, from the plan: only these schemas,"""
    exclude_schemas: tuple[str, ...] = ()
    """or all but these. Older manifests have neither field."""

    @property
    def contents(self) -> Contents:
        return Contents(tables=self.tables, schema=self.schema)

    @property
    def summary(self) -> Summary:
        return Summary(**{item.name: getattr(self, item.name) for item in fields(Summary)})


class Outcome(StrEnum):
    """What a report says of one copy of a backup."""

    VERIFIED = "verified"
    DAMAGED = "damaged"
    UNPROVABLE = "unprovable"
    """It is what was dumped, but no proof can succeed: the data breaks the database's own rules."""
    RESTORED = "restored"
    """It was restored for good. This is no proof, but records how long the restore took."""
    ACCEPTED = "accepted"
    """A person said that a suspicious backup is as it should be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One finding on one copy; lies beside its blob as JSON, and is never changed."""

    backup_id: str
    outcome: Outcome
    at: datetime
    job_id: str
    how: str
    """`restored`: read back, compared and restored; `copied`: read back and compared with a copy
    that was restored; `for good`: restored on request; `by a person`: stated, not checked."""
    restore_seconds: float | None = None
    """From the first byte read back to the last row counted; in older reports, which have no
    `read_seconds`, from the first byte read for the restore."""
    suspicions: tuple[str, ...] = ()
    """Why a person should look at the backup, though it is whole."""
    error: str | None = None
    """What is wrong, if the proof failed."""
    without: tuple[str, ...] = ()
    """Rules that the restore left out, since the data breaks them, such as
    `constraint public.orders.orders_fkey`. Older reports have no such field."""
    read_seconds: float | None = None
    """The part of `restore_seconds` spent reading the stored bytes back and comparing the hash."""

    @property
    def is_proof(self) -> bool:
        """Whether it says if the copy is good."""
        return self.outcome not in (Outcome.ACCEPTED, Outcome.RESTORED)

    @property
    def cleaned(self) -> Report:
        """The report as it is written, its texts cleaned: a library's error may hold characters
        that reading would refuse."""
        error = None if self.error is None else clean(self.error)
        return replace(self, error=error, suspicions=tuple(clean(one) for one in self.suspicions))

    def to_json(self) -> dict[str, object]:
        """A JSON object; `from_json` reads it back."""
        return {"format": FORMAT} | asdict(self) | {"at": instant(self.at)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Report:
        """Raises `ValueError` if this is no report."""
        if values.get("format") != FORMAT:
            raise ValueError(f"format is {values.get('format')!r:.60}; this version reads {FORMAT}")
        try:
            known = {name: values[name] for name in _IN_EVERY_REPORT}
            return cls(
                **known
                | {
                    "outcome": Outcome(known["outcome"]),
                    "at": datetime.fromisoformat(known["at"]),
                    "suspicions": tuple(known["suspicions"]),
                    "without": tuple(values.get("without", ())),
                    "read_seconds": values.get("read_seconds"),
                }
            )
        except KeyError as error:
            raise ValueError(f"lacks {error}") from error


_IN_EVERY_REPORT = [
    item.name for item in fields(Report) if item.name not in ("without", "read_seconds")
]


def safe_name(database: str) -> str:
    """`database` with every character but A-Z a-z 0-9 _ . - replaced, for use in a blob's name."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", database).strip(".") or "database"


def blob_name(source: str, database: str, taken_at: datetime, ending: str) -> str:
    """The name of the blob of a backup that was taken at that instant."""
    name, at = safe_name(database), taken_at.astimezone(UTC)
    return f"{safe_name(source)}/{name}/{at:%Y/%m/%d}/{name}-{at:%Y%m%dT%H%M%SZ}.{ending}"


def sealed_name(taken_at: datetime, ending: str) -> str:
    """The name of an encrypted backup's blob: it reveals nothing but the time."""
    at = taken_at.astimezone(UTC)
    return f"sealed/{at:%Y/%m/%d}/{at:%Y%m%dT%H%M%SZ}.{ending}"


def manifest_name(blob: str) -> str:
    """The name of that blob's manifest."""
    return blob + MANIFEST_SUFFIX


def report_name(blob: str, outcome: Outcome, at: datetime) -> str:
    """The name of a report on that blob."""
    return f"{blob}.{at.astimezone(UTC):%Y%m%dT%H%M%S%fZ}.{outcome.value}.json"


def checksum_name(blob: str) -> str:
    """The name of the file for `sha256sum -c` that lies beside the blob."""
    return f"{blob}.sha256"


def checksum_text(manifest: Manifest) -> bytes:
    """The content of that file."""
    return f"{manifest.sha256}  {manifest.blob.rpartition('/')[2]}\n".encode()


def differences(source: Contents, restored: Contents) -> str:
    """Which tables differ in their number of rows, and which objects in their definition; empty if
    none does. What the restore was to leave out is not compared."""
    left = set(restored.without) | {_index_of(name) for name in restored.without}
    before, after = (_summed(one.tables, restored.together) for one in (source, restored))
    wrong = [
        f"table {name} had {_rows(before.get(name))} in the source "
        f"and {_rows(after.get(name))} when restored"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
    wrong += [
        f"{name} {_defined(name in source.schema, name in restored.schema)}"
        for name in sorted({*source.schema, *restored.schema})
        if source.schema.get(name) != restored.schema.get(name) and name not in left
    ]
    more = len(wrong) - _SHOWN_DIFFERENCES
    return "; ".join(wrong[:_SHOWN_DIFFERENCES] + ([f"and {more} more"] if more > 0 else []))


def _summed(
    tables: Mapping[str, int], together: Mapping[str, tuple[str, ...]]
) -> Mapping[str, int]:
    """The rows of each table; tables that are compared together are summed under one name."""
    summed = dict(tables)
    for name, parts in together.items():
        if found := [summed.pop(part) for part in parts if part in summed]:
            summed[name] = sum(found)
    return summed


def _index_of(rule: str) -> str:
    """The index that belongs to a constraint, such as `index public.orders_pkey`."""
    table, _, name = rule.removeprefix("constraint ").rpartition(".")
    return f"index {table.rpartition('.')[0]}.{name}"


def _defined(before: bool, after: bool) -> str:
    if before and after:
        return "is defined otherwise when restored"
    return "is gone when restored" if before else "is there only when restored"


def _rows(count: int | None) -> str:
    return "no such table" if count is None else "1 row" if count == 1 else f"{count} rows"
