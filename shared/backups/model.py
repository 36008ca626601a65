"""What is known of a backup, and what it is called.

Beside its blob lie the manifest (what was dumped) and reports (what became of each proof). All are
written once and never changed, so that they may lie in a container that allows no change. Only a
backup whose newest report says `verified` may be relied upon.
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
    """What is known of a backup without its tables; small enough to stand in a blob's metadata."""

    id: str
    schedule_id: str
    """Of the plan that took it."""
    job_id: str
    attempt: int
    source: str
    engine: str
    engine_version: str
    dump_version: str
    database: str
    scope: str
    """Which part of the database: empty for all of it, else as in `schemas a, b`. Of a long list
    the beginning and a digest; the manifest has all."""
    started_at: datetime
    """The dump began; what it shows is not older."""
    finished_at: datetime
    """The blob was whole; the proof comes after."""
    duration_seconds: float
    compression: str
    encrypted: bool
    bytes: int
    uncompressed_bytes: int
    sha256: str
    """Of the stored bytes, compressed and encrypted as they are."""

    def age_seconds(self, now: datetime) -> float:
        """How old what it shows is; 0 if a clock has jumped back."""
        return max((now - self.started_at).total_seconds(), 0.0)

    def to_json(self) -> dict[str, object]:
        """A JSON object; `from_json` reads it back."""
        return {"format": FORMAT} | {
            name: instant(value) if isinstance(value, datetime) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises `ValueError` if this is none of a format that is known."""
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
    """One backup, whole; lies beside its blob as JSON. Written once, and never changed."""

    blob: str
    tables: Mapping[str, int]
    """Rows in each table at the instant of the dump."""
    schema: Mapping[str, str]
    """Every object that is defined, and a short digest of its definition."""
    schemas: tuple[str, ...] = ()
    """All that `scope` means, as the plan has it: only these schemas,"""
    exclude_schemas: tuple[str, ...] = ()
    """or all but these. Manifests of before have neither."""

    @property
    def contents(self) -> Contents:
        return Contents(tables=self.tables, schema=self.schema)

    @property
    def summary(self) -> Summary:
        return Summary(**{item.name: getattr(self, item.name) for item in fields(Summary)})


class Outcome(StrEnum):
    """What was found out about one copy of a backup, or said of it."""

    VERIFIED = "verified"
    DAMAGED = "damaged"
    UNPROVABLE = "unprovable"
    """It is what was dumped, but no proof of it can succeed: its data breaks its own rules."""
    RESTORED = "restored"
    """It was restored for good: no proof, but it says how long that took."""
    ACCEPTED = "accepted"
    """A person said that a suspicious backup is as it should be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One verification of one copy; lies beside its blob as JSON, and is never changed."""

    backup_id: str
    outcome: Outcome
    at: datetime
    job_id: str
    how: str
    """`restored`: read back, compared and restored; `copied`: read back and compared with one that
    was restored; `for good`: restored by somebody's wish; `by a person`: said, not found."""
    restore_seconds: float | None = None
    """From the first byte read back to the last row counted; in reports of before, which have no
    `read_seconds`, from the first byte read for the restore."""
    suspicions: tuple[str, ...] = ()
    """Why a person should look at it, though it is whole."""
    error: str | None = None
    """What is wrong with one that did not prove good."""
    without: tuple[str, ...] = ()
    """What the restore left out, since the data breaks it: `constraint public.orders.orders_fkey`.
    Reports of before have none."""
    read_seconds: float | None = None
    """Of `restore_seconds`, to read the stored bytes back and compare their hash."""

    @property
    def is_proof(self) -> bool:
        """Whether it says if the copy is whole."""
        return self.outcome not in (Outcome.ACCEPTED, Outcome.RESTORED)

    @property
    def cleaned(self) -> Report:
        """The same as it is written: libraries' errors may hold what nobody would read back."""
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
    """`database` with only A-Z a-z 0-9 _ . - left, so that it may stand in a blob's name."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", database).strip(".") or "database"


def blob_name(source: str, database: str, taken_at: datetime, ending: str) -> str:
    """Where a backup of a source's database taken at that instant goes."""
    name, at = safe_name(database), taken_at.astimezone(UTC)
    return f"{safe_name(source)}/{name}/{at:%Y/%m/%d}/{name}-{at:%Y%m%dT%H%M%SZ}.{ending}"


def sealed_name(taken_at: datetime, ending: str) -> str:
    """Where an encrypted one goes: its name says nothing but when."""
    at = taken_at.astimezone(UTC)
    return f"sealed/{at:%Y/%m/%d}/{at:%Y%m%dT%H%M%SZ}.{ending}"


def manifest_name(blob: str) -> str:
    """The name of that blob's manifest."""
    return blob + MANIFEST_SUFFIX


def report_name(blob: str, outcome: Outcome, at: datetime) -> str:
    """The name of a report on that blob."""
    return f"{blob}.{at.astimezone(UTC):%Y%m%dT%H%M%S%fZ}.{outcome.value}.json"


def checksum_name(blob: str) -> str:
    """The name of the file that `sha256sum -c` reads."""
    return f"{blob}.sha256"


def checksum_text(manifest: Manifest) -> bytes:
    """What that file says."""
    return f"{manifest.sha256}  {manifest.blob.rpartition('/')[2]}\n".encode()


def differences(source: Contents, restored: Contents) -> str:
    """Which tables do not have the same number of rows, and which objects are not defined the
    same; empty if all are. What the restore was to leave out is not compared."""
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
    """The rows of each table; of those that are compared together, their sum under one name."""
    summed = dict(tables)
    for name, parts in together.items():
        if found := [summed.pop(part) for part in parts if part in summed]:
            summed[name] = sum(found)
    return summed


def _index_of(rule: str) -> str:
    """The index that goes with a constraint: `index public.orders_pkey`."""
    table, _, name = rule.removeprefix("constraint ").rpartition(".")
    return f"index {table.rpartition('.')[0]}.{name}"


def _defined(before: bool, after: bool) -> str:
    if before and after:
        return "is defined otherwise when restored"
    return "is gone when restored" if before else "is there only when restored"


def _rows(count: int | None) -> str:
    return "no such table" if count is None else "1 row" if count == 1 else f"{count} rows"
