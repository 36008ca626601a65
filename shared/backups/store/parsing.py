"""What metadata, manifests and reports say, held to what they must be: anybody may have changed
them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from shared.backups.model import Manifest, Report, Summary, checked
from shared.backups.params import Compression
from shared.backups.store.encryption import Seal, is_sealed, unopened
from shared.backups.store.metadata import read
from shared.errors import Damaged

UNREADABLE = (Damaged, KeyError, ValueError, TypeError, AttributeError, RecursionError)
"""What each of these raises if somebody has changed what it reads; `Locked` if no key opens it."""
_KINDS: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "datetime": (datetime,),
}


def summary_in(metadata: str | None, seal: Seal | None) -> Summary:
    """Of the metadata of a backup's blob or of its manifest."""
    return _summary(Summary.from_json(read(metadata, seal)))


def report_in(metadata: str | None, seal: Seal | None) -> Report:
    """Of a report's metadata."""
    return _report(read(metadata, seal))


def manifest_of(content: bytes, seal: Seal | None) -> Manifest:
    """Of the content of a manifest's blob."""
    found = checked(Manifest.from_json(_opened(content, seal)))
    _summary(found.summary)
    return found


def report_of(content: bytes, seal: Seal | None) -> Report:
    """Of the content of a report's blob."""
    return _report(_opened(content, seal))


def _opened(content: bytes, seal: Seal | None) -> Mapping[str, Any]:
    if is_sealed(content):
        if seal is None:
            raise unopened(content)
        content = seal.open(content)
    found = json.loads(content)
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    return found


def _summary(found: Summary) -> Summary:
    for one in fields(Summary):
        value = getattr(found, one.name)
        if type(value) not in _KINDS[str(one.type)]:
            raise ValueError(f"{one.name} is {value!r}")
    Compression(found.compression)
    _aware(found.started_at, found.finished_at)
    return found


def _report(values: Mapping[str, Any]) -> Report:
    found = Report.from_json(values)
    _aware(found.at)
    if not all(isinstance(one, str) for one in found.suspicions):
        raise ValueError("suspicions are texts")
    if not all(isinstance(one, str) for one in found.without):
        raise ValueError("without is texts")
    for seconds in (found.restore_seconds, found.read_seconds):
        if not isinstance(seconds, int | float | None):
            raise ValueError(f"{seconds!r} are no seconds")
    return found


def _aware(*instants: datetime) -> None:
    if any(at.tzinfo is None for at in instants):
        raise ValueError("an instant has no time zone")
