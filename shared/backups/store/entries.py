"""Backups as they lie at destinations: blobs make up copies, copies make up backups.

A copy has the backup's blob, its manifest, a file for `sha256sum -c`, and its reports.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.backups.model import (
    MANIFEST_SUFFIX,
    Outcome,
    Report,
    Summary,
    checksum_name,
    manifest_name,
)
from shared.storage.blobs.container import Item


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
    foreign: str | None = None
    """The id of another backup, if the blob's metadata says that it belongs to that one."""

    @classmethod
    def made(cls, destination: str, blob: str, summary: Summary) -> Copy:
        """A copy that was just written, as a listing would show it."""
        beside = [Item(name, 0, {}) for name in (manifest_name(blob), checksum_name(blob))]
        return cls(destination, blob, summary, [Item(blob, summary.bytes, {}), *beside])

    @property
    def stored(self) -> Item | None:
        """The backup's blob, if it is there."""
        return next((item for item in self.items if item.name == self.blob), None)

    @property
    def names(self) -> list[str]:
        """The names of all its blobs."""
        return [item.name for item in self.items]

    @property
    def has_manifest(self) -> bool:
        return any(name.endswith(MANIFEST_SUFFIX) for name in self.names)

    @property
    def proof(self) -> Report | None:
        """The newest report that says whether it is good."""
        said = [one for one in self.reports if one.is_proof]
        return said[-1] if said else None

    def next_report(self, now: datetime) -> datetime:
        """The time for a new report: now, but later than every other, even if a wrong clock dated
        those. The last report must be recognisable as the last."""
        last = max((report.at for report in self.reports), default=now)
        return max(now, last + timedelta(microseconds=1)) if self.reports else now

    @property
    def proved(self) -> bool:
        """Whether its newest proof succeeded."""
        proof = self.proof
        return proof is not None and proof.outcome is Outcome.VERIFIED

    @property
    def wrong(self) -> str | None:
        """What is wrong with its blob, as far as a listing shows."""
        stored = self.stored
        if stored is None:
            return "its blob is gone; something removed it"
        if stored.size != self.summary.bytes:
            whose = f"that of backup {self.foreign}" if self.foreign else "another"
            sizes = f"{self.summary.bytes} bytes were stored, {stored.size} are there"
            return f"in the place of its blob lies {whose}: {sizes}"
        if self.foreign is not None and not self._proved_since(stored):
            return f"its blob says that it is that of backup {self.foreign}"
        return None

    @property
    def fault(self) -> str | None:
        """Why it must not be relied upon, even if it was proved."""
        return self.wrong or (None if self.has_manifest else "its manifest is gone")

    def _proved_since(self, stored: Item) -> bool:
        """Whether it was proved after the last change to its blob or the blob's metadata."""
        changed, proof = stored.changed_at, self.proof
        return self.proved and changed is not None and proof is not None and proof.at > changed

    @property
    def verified(self) -> bool:
        """Whether it may be relied upon."""
        return self.proved and self.fault is None

    @property
    def verification(self) -> Report | None:
        """Its newest proof, if it may be relied upon."""
        return self.proof if self.verified else None

    @property
    def error(self) -> str | None:
        """What is wrong with a copy that is not verified."""
        return self.fault or (self.proof.error if self.proof is not None else None)

    @property
    def state(self) -> str:
        """verified, damaged, unprovable, or unproved."""
        if self.verified:
            return "verified"
        found = self.proof.outcome if self.proof is not None else None
        if found is Outcome.DAMAGED or self.wrong is not None:
            return "damaged"
        return "unprovable" if found is Outcome.UNPROVABLE else "unproved"

    @property
    def without(self) -> tuple[str, ...]:
        """Rules that a restore of it leaves out, since the data breaks them."""
        return self.proof.without if self.proof is not None else ()


_STATES = ("verified", "damaged", "unprovable", "unproved")


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
        """The row that it belongs to (plan, source, database, scope). Retention and the search for
        anomalies look at one row at a time."""
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
    def state(self) -> str:
        """verified if any copy is; else damaged if any copy is; else unprovable if any copy is."""
        return min((copy.state for copy in self.copies), key=_STATES.index)

    @property
    def proof(self) -> Report | None:
        """The newest proof of a good copy; one by a restore is preferred to one by comparison."""
        proofs = [proof for copy in self.copies if (proof := copy.verification) is not None]
        return max(proofs, key=lambda one: (one.how == "restored", one.at), default=None)

    @property
    def unprovable(self) -> bool:
        """Whether it cannot be proved, though it is what was dumped, as its data breaks rules."""
        return not self.verified and any(copy.state == "unprovable" for copy in self.copies)

    @property
    def proved_once(self) -> bool:
        """Whether a proof of any copy has ever succeeded."""
        return any(
            report.outcome is Outcome.VERIFIED for copy in self.copies for report in copy.reports
        )

    @property
    def suspicions(self) -> tuple[str, ...]:
        """Why a person should look at it; empty once a person has accepted it."""
        reports = [report for copy in self.copies for report in copy.reports]
        if any(report.outcome is Outcome.ACCEPTED for report in reports):
            return ()
        return next((one.suspicions for one in reversed(reports) if one.suspicions), ())


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """The remains of a backup whose description can no longer be read. Belfry can neither prove nor
    restore it, but its blob may be whole."""

    destination: str
    blob: str
    id: str
    """The backup's id; only its first eight digits if no more are known."""
    why: str
    names: tuple[str, ...]
    """The names of the blobs that are left."""
    bytes: int | None
    """The size of the backup's blob; None if that is gone."""
    sha256: str | None
    """The hash in the file for `sha256sum -c`, if that can be read."""
    proved: bool
    """Whether its last proof succeeded."""

    @property
    def sentence(self) -> str:
        """What is lost and why, for a person."""
        was = "was verified, and" if self.proved else ""
        return " ".join(f"{self.blob} at {self.destination} {was} cannot be read".split()) + (
            f": {self.why}"
        )


class Copies(list[Copy]):
    """The copies at a destination, and what else lies there."""

    def __init__(
        self,
        found: Iterable[Copy],
        locked: frozenset[str] = frozenset(),
        lost: Iterable[Lost] = (),
        strange: int = 0,
    ) -> None:
        super().__init__(found)
        self.locked = locked
        """Ids of backups that none of our keys opens; where the id is unknown, the blob's name."""
        self.lost = tuple(lost)
        self.strange = strange
        """How many blobs are unusable: no backup's, lost, locked, or with changed metadata."""
