"""Parses metadata, manifests and reports, and validates them, since somebody may have changed them.
Whatever passes here can safely go into any answer, table and message."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from shared.backups.model import Manifest, Report, Summary
from shared.backups.params import Compression
from shared.backups.store.encryption import Seal, is_sealed, unopened
from shared.errors import Damaged
from shared.text import parts, refuse_unclean

UNREADABLE = (
    *(Damaged, KeyError, ValueError, TypeError, AttributeError),
    *(RecursionError, OverflowError, UnicodeError),
)
"""What the functions here raise for data that somebody has changed; `Locked`, which is a `Damaged`,
if no key opens it."""
_KINDS: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "datetime": (datetime,),
}
Kind = TypeVar("Kind", bound=Summary)
_MOST = 2**63 - 1
_LONGEST = 1e9
"""Seconds: thirty years, well within the range of a `timedelta`."""
_YEARS = range(1900, 9001)
"""Years far enough from `datetime`'s limits for arithmetic and other time zones."""


def summary_in(metadata: str | None, seal: Seal | None) -> Summary:
    """The summary in the metadata of a backup's blob or of its manifest."""
    return _summary(Summary.from_json(_read(metadata, seal)))


def report_in(metadata: str | None, seal: Seal | None) -> Report:
    """The report in a report's metadata."""
    return _report(_read(metadata, seal))


def manifest_of(content: bytes, seal: Seal | None) -> Manifest:
    """The manifest in the content of its blob."""
    values = _opened(content, seal)
    found = _summary(Manifest.from_json(values))
    _is("blob", found.blob, isinstance(found.blob, str))
    for name, value, kind in (("tables", found.tables, int), ("schema", found.schema, str)):
        is_map = isinstance(value, dict) and all(type(one) is kind for one in value.values())
        _is(name, value, is_map)
    _is("tables", found.tables, all(rows >= 0 for rows in found.tables.values()))
    _texts(values, "schemas", "exclude_schemas")
    return found


def report_of(content: bytes, seal: Seal | None) -> Report:
    """The report in the content of its blob."""
    return _report(_opened(content, seal))


def _read(metadata: str | None, seal: Seal | None) -> Mapping[str, Any]:
    if metadata is None:  # the SDK gives None for an empty value
        raise ValueError("it is empty")
    if metadata.startswith("{"):
        return _loaded(metadata)
    data = base64.b64decode(metadata)
    if seal is None:
        raise unopened(data)
    return _loaded(seal.open(data).decode())


def _opened(content: bytes, seal: Seal | None) -> Mapping[str, Any]:
    if is_sealed(content):
        if seal is None:
            raise unopened(content)
        content = seal.open(content)
    return _loaded(content)


def _loaded(text: str | bytes) -> Mapping[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    refuse_unclean(found)
    numbers = (one for one in parts(found) if isinstance(one, int | float))
    if not all(-_MOST <= one <= _MOST for one in numbers):  # refuses NaN as well
        raise ValueError("it holds a number that is none, or out of range")
    return found


def _summary(found: Kind) -> Kind:
    for one in fields(Summary):
        value = getattr(found, one.name)
        _is(one.name, value, type(value) in _KINDS[str(one.type)])
        _is(one.name, value, not isinstance(value, int) or value >= 0)
    _is("duration_seconds", found.duration_seconds, _is_duration(found.duration_seconds))
    Compression(found.compression)
    return replace(
        found, started_at=_in_utc(found.started_at), finished_at=_in_utc(found.finished_at)
    )


def _report(values: Mapping[str, Any]) -> Report:
    found = Report.from_json(values)
    for name in ("backup_id", "job_id", "how"):
        _is(name, values[name], isinstance(values[name], str))
    _is("error", found.error, isinstance(found.error, str | None))
    _texts(values, "suspicions", "without")
    for seconds in (found.restore_seconds, found.read_seconds):
        _is("a duration", seconds, seconds is None or _is_duration(seconds))
    return replace(found, at=_in_utc(found.at))


def _is(name: str, value: object, right: bool) -> None:
    if not right:
        raise ValueError(f"{name} is {value!r:.60}")


def _texts(values: Mapping[str, Any], *names: str) -> None:
    for name in names:
        said = values.get(name, [])
        is_list = isinstance(said, list) and all(isinstance(one, str) for one in said)
        _is(name, said, is_list)


def _is_duration(seconds: object) -> bool:
    return type(seconds) in (int, float) and 0 <= seconds <= _LONGEST  # type: ignore[operator]


def _in_utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("an instant has no time zone")
    if at.year not in _YEARS:
        raise ValueError(f"an instant is {at.isoformat()}")
    return at.astimezone(UTC)
