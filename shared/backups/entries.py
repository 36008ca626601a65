"""What the blobs of one backup in one container say together: a copy.

A backup is a blob, its manifest, a file for `sha256sum -c`, and its reports. What lists need of
them stands in their metadata, so that one listing of the container is enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta

from shared.backups.metadata import read
from shared.backups.model import (
    MANIFEST_SUFFIX,
    Outcome,
    Report,
    Summary,
    checksum_name,
    manifest_name,
)
from shared.backups.seal import Locked, Seal
from shared.errors import Damaged
from shared.tasks.backups import Compression

_REPORT = re.compile(rf"\.\d{{8}}T\d{{12}}Z\.({'|'.join(Outcome)})\.json$")
_CHECKSUM = ".sha256"
_UNREADABLE = (Damaged, KeyError, ValueError, TypeError, RecursionError)
"""What reading metadata raises that somebody has changed."""
_KINDS: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "datetime": (datetime,),
}


@dataclass(frozen=True, slots=True)
class Item:
    """A blob as a listing shows it."""

    name: str
    size: int
    metadata: Mapping[str, str]
    tier: str | None = None
    immutable_until: datetime | None = None


@dataclass(slots=True)
class Copy:
    """A backup as it lies at one destination."""

    destination: str
    blob: str
    """The name of the backup's blob."""
    summary: Summary
    items: list[Item] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    """Oldest first."""

    @classmethod
    def made(cls, destination: str, blob: str, summary: Summary) -> Copy:
        """One that was written just now, as far as a listing would show it."""
        names = (blob, manifest_name(blob), checksum_name(blob))
        return cls(destination, blob, summary, [Item(name, 0, {}) for name in names])

    @property
    def stored(self) -> Item | None:
        """The backup's blob, if it is there."""
        return next((item for item in self.items if item.name == self.blob), None)

    @property
    def names(self) -> list[str]:
        """Of all blobs that are its."""
        return [item.name for item in self.items]

    @property
    def has_manifest(self) -> bool:
        return any(name.endswith(MANIFEST_SUFFIX) for name in self.names)

    @property
    def proof(self) -> Report | None:
        """The newest word on whether it is whole."""
        said = [one for one in self.reports if one.outcome is not Outcome.ACCEPTED]
        return said[-1] if said else None

    def next_report(self, now: datetime) -> datetime:
        """The instant of a new report: now, but after every other, whatever clock those had. The
        last word must be known as the last."""
        last = max((report.at for report in self.reports), default=now)
        return max(now, last + timedelta(microseconds=1)) if self.reports else now

    @property
    def verified(self) -> bool:
        """Whether it may be relied upon."""
        whole = self.stored is not None and self.has_manifest
        return whole and self.proof is not None and self.proof.outcome is Outcome.VERIFIED

    @property
    def state(self) -> str:
        """verified, damaged, or unproved."""
        if self.verified:
            return "verified"
        if self.stored is None or (self.proof and self.proof.outcome is Outcome.DAMAGED):
            return "damaged"
        return "unproved"


@dataclass(slots=True)
class Backup:
    """One backup, wherever its copies lie."""

    summary: Summary
    copies: list[Copy]

    @property
    def id(self) -> str:
        return self.summary.id

    @property
    def group(self) -> tuple[str, str, str, str]:
        """What it is one of a row of: retention and suspicion look at such a row."""
        one = self.summary
        return one.schedule_id, one.source, one.database, one.scope

    @property
    def good(self) -> list[Copy]:
        """The copies that may be relied upon."""
        return [copy for copy in self.copies if copy.verified]

    @property
    def verified(self) -> bool:
        return bool(self.good)

    @property
    def proof(self) -> Report | None:
        """The newest proof of a copy that is good, one by a restore before one by comparison."""
        proofs = [copy.proof for copy in self.good if copy.proof is not None]
        return max(proofs, key=lambda one: (one.how == "restored", one.at), default=None)

    @property
    def suspicions(self) -> tuple[str, ...]:
        """Why a person should look at it; none once a person has accepted it."""
        reports = [report for copy in self.copies for report in copy.reports]
        if any(report.outcome is Outcome.ACCEPTED for report in reports):
            return ()
        return next((one.suspicions for one in reversed(reports) if one.suspicions), ())


class Copies(list[Copy]):
    """The copies at a destination, and the backups there of which no key opens a word."""

    def __init__(self, found: Iterable[Copy], locked: frozenset[str] = frozenset()) -> None:
        super().__init__(found)
        self.locked = locked
        """The ids of those, as the blobs' metadata has them."""


def copies(destination: str, items: Iterable[Item], seal: Seal | None) -> tuple[Copies, int]:
    """The copies that a container's blobs are, and how many blobs there are that say nothing.

    A blob that is no backup's, or is sealed with a key that is not there, says nothing. One whose
    metadata was changed is known by its name if another beside it says what it is.
    """
    found: dict[str, Copy] = {}
    locked: dict[str, str] = {}
    late: list[Item] = []
    garbled: set[str] = set()
    for item in items:
        blob = backup_blob(item.name)
        if blob not in found and "summary" in item.metadata:
            try:
                summary = _summary(item.metadata["summary"], seal)
                found[blob] = Copy(destination, blob, summary)
            except _UNREADABLE as error:
                garbled.add(item.name)
                if isinstance(error, Locked):
                    locked[blob] = item.metadata.get("backup_id") or blob
        if blob in found:
            found[blob].items.append(item)
        else:
            late.append(item)
    strange = len(garbled)
    for item in late:
        copy = found.get(backup_blob(item.name))
        if copy is not None:
            copy.items.append(item)
        elif item.name not in garbled:
            strange += 1
    for copy in found.values():
        strange += _tell(copy, seal)
    unknown = frozenset(backup_id for blob, backup_id in locked.items() if blob not in found)
    return Copies(found.values(), unknown), strange


def backup_blob(name: str) -> str:
    """The name of the blob that one of this name lies beside; its own if it is that blob."""
    for ending in (MANIFEST_SUFFIX, _CHECKSUM):
        if name.endswith(ending):
            return name.removesuffix(ending)
    return _REPORT.sub("", name)


def _summary(text: str, seal: Seal | None) -> Summary:
    """Raises one of `_UNREADABLE`."""
    found = Summary.from_json(read(text, seal))
    for one in fields(Summary):
        value = getattr(found, one.name)
        if type(value) not in _KINDS[str(one.type)]:
            raise ValueError(f"{one.name} is {value!r}")
    Compression(found.compression)
    _aware(found.started_at, found.finished_at)
    return found


def _report(text: str, seal: Seal | None) -> Report:
    """Raises one of `_UNREADABLE`."""
    found = Report.from_json(read(text, seal))
    _aware(found.at)
    if not all(isinstance(one, str) for one in found.suspicions):
        raise ValueError("suspicions are texts")
    if not isinstance(found.restore_seconds, int | float | None):
        raise ValueError("restore_seconds is a number")
    return found


def _aware(*instants: datetime) -> None:
    if any(at.tzinfo is None for at in instants):
        raise ValueError("an instant has no time zone")


def _tell(copy: Copy, seal: Seal | None) -> int:
    """Read the copy's reports; how many cannot be read."""
    strange = 0
    for item in copy.items:
        if not _REPORT.search(item.name):
            continue
        try:
            report = _report(item.metadata["report"], seal)
        except _UNREADABLE:
            strange += 1
            continue
        if report.backup_id == copy.summary.id:
            copy.reports.append(report)
    copy.reports.sort(key=lambda report: report.at)
    return strange
