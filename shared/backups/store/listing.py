"""Groups a container's blobs into copies, by their metadata, so that one listing is enough.

Metadata may be missing, if somebody copied the container without it, or another blob's, if somebody
overwrote a blob. So a summary counts only if it fits the blob's name, which has the first digits of
the id; and where metadata is missing, the manifest and the reports are read, which say the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from shared.backups.model import (
    MANIFEST_SUFFIX,
    Outcome,
    Report,
    Summary,
    checksum_name,
    manifest_name,
)
from shared.backups.store.encryption import Locked, Seal
from shared.backups.store.entries import Copies, Copy, Lost
from shared.backups.store.parsing import UNREADABLE, report_in, summary_in
from shared.backups.store.reading import CHECKSUM_SUFFIX, Read, Told
from shared.storage.blobs.container import Item

_REPORT = re.compile(rf"\.\d{{8}}T\d{{12}}Z\.({'|'.join(Outcome)})\.json$")
_NAMED = re.compile(r"\d{8}T\d{6}Z\.([0-9a-f]{8})\.[a-z.]+$")
"""The name of a backup's blob, with the first digits of the backup's id."""


def copies(destination: str, items: Iterable[Item], seal: Seal | None, read: Read) -> Copies:
    """The copies that the blobs make up, and those that are lost, locked or strange."""
    rows: dict[str, list[Item]] = {}
    for item in items:
        rows.setdefault(backup_blob(item.name), []).append(item)
    groups = [_Group(blob, row, seal) for blob, row in rows.items()]
    told = read([item for group in groups for item in group.silent])
    for group in groups:
        group.hear(told)
    lost = [group for group in groups if group.is_lost]
    sums = read([item for group in lost for item in group.items if item.name == group.checksum])
    return Copies(
        (group.copy(destination, group.summary) for group in groups if group.summary is not None),
        frozenset(group.locked for group in groups if group.locked and group.summary is None),
        [group.lost(destination, sums) for group in lost],
        sum(group.strange for group in groups),
    )


def backup_blob(name: str) -> str:
    """The name of the backup's blob that the file `name` lies beside; `name` if it is that blob."""
    for ending in (MANIFEST_SUFFIX, CHECKSUM_SUFFIX):
        if name.endswith(ending):
            return name.removesuffix(ending)
    return _REPORT.sub("", name)


class _Group:
    """A backup's blob and the files beside it."""

    def __init__(self, blob: str, items: list[Item], seal: Seal | None) -> None:
        self.blob = blob
        self.items = items
        self.checksum = checksum_name(blob)
        self.summary: Summary | None = None
        self.locked = ""
        """The id (else the blob's name) of the backup if no key opens it; else empty."""
        self.silent: list[Item] = []
        """The files whose content has to be read, since their metadata does not say enough."""
        self._seal = seal
        named = _NAMED.search(blob)
        self._digits = named.group(1) if named else ""
        self._by_name = {item.name: item for item in items}
        self._manifest = self._by_name.get(manifest_name(blob))
        self._foreign: str | None = None
        self._garbled = 0
        self._reports: list[Report] = []
        self._why = "" if self._manifest else "its manifest is gone"
        self._describe()
        self._tell()

    def _describe(self) -> None:
        """Find the summary, in the metadata of the blob or else of the manifest."""
        for item in (self._by_name.get(self.blob), self._manifest):
            if item is None or "summary" not in item.metadata:
                continue
            try:
                found = summary_in(item.metadata["summary"], self._seal)
            except UNREADABLE as error:
                self._garbled += 1
                if isinstance(error, Locked):
                    self.locked = item.metadata.get("backup_id") or self.blob
                continue
            if found.id.startswith(self._digits):
                self.summary = found
                return
            if item is not self._manifest:
                self._foreign = found.id
        if self._digits and self._manifest is not None and not self.locked:
            self.silent.append(self._manifest)

    def _tell(self) -> None:
        """Collect the reports from their metadata."""
        if self.summary is None and not self._digits:
            return
        for item in self.items:
            if not _REPORT.search(item.name):
                continue
            try:
                self._reports.append(report_in(item.metadata["report"], self._seal))
            except UNREADABLE as error:
                self._garbled += "report" in item.metadata
                if not isinstance(error, Locked):
                    self.silent.append(item)

    def hear(self, told: Mapping[str, Told]) -> None:
        """Take over what the contents of the silent files say."""
        for item in self.silent:
            said = told[item.name]
            if item is self._manifest:
                self._hear_manifest(said)
            elif said.report is not None:
                self._reports.append(said.report)
            elif "report" not in item.metadata:
                self._garbled += 1
        self._reports.sort(key=lambda report: report.at)

    def _hear_manifest(self, said: Told) -> None:
        if said.locked:
            self.locked = self.blob
        elif said.summary is None:
            self._why = f"its manifest is none: {said.why}"
        elif said.blob != self.blob or not said.summary.id.startswith(self._digits):
            self._why = f"its manifest is that of backup {said.summary.id}"
        else:
            self.summary = said.summary

    @property
    def is_lost(self) -> bool:
        return self.summary is None and not self.locked and bool(self._digits)

    @property
    def strange(self) -> int:
        if self.summary is None:
            return len(self.items)
        return self._garbled + (self._foreign is not None)

    def copy(self, destination: str, summary: Summary) -> Copy:
        """The copy that the group makes up."""
        reports = [one for one in self._reports if one.backup_id == summary.id]
        return Copy(destination, self.blob, summary, self.items, reports, self._foreign)

    def lost(self, destination: str, sums: Mapping[str, Told]) -> Lost:
        """The remains of a backup that is lost."""
        mine = [one for one in self._reports if one.backup_id.startswith(self._digits)]
        proofs = [one for one in mine if one.is_proof]
        stored, checksum = self._by_name.get(self.blob), sums.get(self.checksum)
        whys = [self._why] if self._why else []
        if stored is None:
            whys.append("its blob is gone")
        if self._foreign is not None:
            whys.append(f"its blob says that it is that of backup {self._foreign}")
        return Lost(
            destination=destination,
            blob=self.blob,
            id=mine[-1].backup_id if mine else self._digits,
            why=" and ".join(whys),
            names=tuple(self._by_name),
            bytes=stored.size if stored is not None else None,
            sha256=checksum.sha256 if checksum is not None else None,
            proved=bool(proofs) and proofs[-1].outcome is Outcome.VERIFIED,
        )
