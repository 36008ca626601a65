"""Where analyses are kept: rows, and blobs in the container `{prefix}-analysis`.

The blobs of an attempt are written first, and the rows last, all at once: what a killed attempt
leaves are blobs that no row names, which `sweep` removes. Everything raises `Unavailable` or
`Refused` if storage fails.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.analysis import rows
from shared.analysis.compare import Compared
from shared.analysis.model import Analysis
from shared.analysis.rows import Last
from shared.errors import Damaged, Unavailable
from shared.projects import name_of
from shared.storage.blobs import room
from shared.storage.blobs.container import Container
from shared.storage.blobs.stream import etag_of, go_on, pieces, text, write_once
from shared.storage.failures import translated
from shared.storage.tables.batch import Delete, Insert, Operation, Replace, literal
from shared.storage.tables.marked import marked
from shared.storage.tables.roll import Roll, Rolls, added, removed, rolls_for, rolls_of
from shared.storage.tables.roll_counts import Wanted, left
from shared.storage.tables.table import Table

_SERVICE = "table storage"
_FINDINGS, _SARIF = "findings.gz", "sarif.gz"
_KIND = "analysis"
_OF_REPOSITORY = 50
AGE = timedelta(days=90)


class Store:
    """The rows and the blobs."""

    def __init__(self, table: Table, container: Container) -> None:
        self._table = table
        self._rolls = Rolls(table, rows.PARTITION)
        self.container = container

    def get(self, analysis: str) -> Analysis | None:
        """The analysis of that id. Raises `Damaged`."""
        pointer = self._row(rows.id_key(analysis))
        if pointer is None:
            return None
        (everything,) = rolls_for(None, None)
        row = self._row(everything.rows + str(pointer["place"]))
        return None if row is None else rows.to_analysis(row)

    def page(
        self,
        projects: Collection[int] | None,
        repository_id: str | None,
        skip: int,
        size: int,
    ) -> tuple[list[Analysis], int]:
        """(those of these projects after the first `skip`, newest first; how many there are).
        `projects`: None for all, and the company's own."""
        rolls = rolls_for(None if projects is None else map(name_of, projects), repository_id)
        found = self._rolls.page(rolls, Wanted(), skip, size)
        return [rows.to_analysis(row) for row in self._rolls.read(found)], found.total

    def all(
        self,
        project_id: int | None,
        *,
        repository_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Analysis]:
        """Those of a project, newest first."""
        (roll,) = rolls_for([name_of(project_id)], repository_id)
        return map(rows.to_analysis, self._rolls.walk(roll, Wanted(since=since, until=until)))

    def old(self, until: datetime) -> Iterator[Analysis]:
        """Those of all projects from before then."""
        (roll,) = rolls_for(None, None)
        return map(rows.to_analysis, self._rolls.walk(roll, Wanted(until=until)))

    def last(self, of: Analysis) -> Last:
        """What an analysis of that repository, branch and kind is compared with."""
        row = self._row(_last_key(of))
        return Last({}) if row is None else rows.to_last(row)

    def hold_room(self, project_id: int | None, analysis: str, check: Callable[[], None]) -> None:
        """Raise `Refused` if the project keeps as many bytes as it may, beside this analysis."""
        advice = (
            f"they go after {AGE.days} days, and when there are {_OF_REPOSITORY} newer ones of "
            "their repository: let fewer repositories be analysed, or less often"
        )
        beginning, own = f"{name_of(project_id)}/", rows.folder(analysis)
        room.hold("analyses", advice, self.container, beginning, check, but=own)

    def write_files(self, of: Analysis, findings: Sequence[Compared], sarif: bytes) -> None:
        """Write the blobs of an attempt; harmless if they are there. Nothing stops it in between:
        an attempt that is given back is made again with the same number, and may find others."""
        self.container.create()
        lines = "".join(rows.line(one) + "\n" for one in findings).encode()
        for name, data in ((_FINDINGS, lines), (_SARIF, sarif)):
            blob = self.container.blob(rows.folder(of.id, of.attempt) + name)
            packed = gzip.compress(data, 6, mtime=0)
            write_once(blob, packed, {}, content_type="application/gzip")

    def add(self, one: Analysis, last: Last) -> Analysis:
        """Write the rows; the analysis that is there then, which another attempt may have been
        faster to write. `last`: with the ETag of what it was compared with. Raises `Unavailable` if
        another analysis of the same came in between."""
        place, rolls, row = _place(one), _rolls(one), rows.properties(one)
        of, said = _last_key(one), rows.last_properties(last)
        steps: list[Operation] = [
            Insert(rows.id_key(one.id), marked({"place": place, "attempt": one.attempt})),
            *(Insert(roll.rows + place, row) for roll in rolls),
            Replace(of, last.etag, said) if last.etag else Insert(of, said),
        ]
        etag = self._rolls.write(steps, added(rolls, place, _KIND))
        found = one if etag is not None else self.get(one.id)
        if found is None:
            raise Unavailable(_SERVICE, f"another analysis of {one.repository_id} was faster")
        return found

    def findings(self, of: Analysis) -> Iterator[Compared]:
        """What it found, line by line. Raises `Damaged` if its blob is gone."""
        blob = self.container.blob(rows.folder(of.id, of.attempt) + _FINDINGS)
        size = self._size(blob)
        source = _Pieces(pieces(blob, etag_of(blob, size, go_on, patience=0), size, patience=0))
        try:
            with gzip.open(io.BufferedReader(source), "rt", encoding="utf-8") as lines:
                for one in lines:
                    yield rows.from_line(one)
        except (EOFError, gzip.BadGzipFile) as error:
            raise Damaged(f"the findings of {of.id} cannot be read") from error
        finally:
            source.close()

    def sarif(self, of: Analysis) -> bytes:
        """The file, without compression. Raises `Damaged` if its blob is gone."""
        return gzip.decompress(text(self.container.blob(rows.folder(of.id, of.attempt) + _SARIF)))

    def prune(self, of: Analysis, now: datetime, check: Callable[[], None]) -> int:
        """Remove the analyses of that repository that are too many or too old, except those that
        later ones are compared with; how many."""
        held = self._held(of.project_id, of.repository_id)
        found = list(self.all(of.project_id, repository_id=of.repository_id))
        gone = 0
        for number, one in enumerate(found):
            if one.id in held or (number < _OF_REPOSITORY and now - one.at <= AGE):
                continue
            check()
            self.remove(one, check)
            gone += 1
        return gone

    def remove(self, one: Analysis, check: Callable[[], None] = go_on) -> None:
        """Remove an analysis: its blobs first, so none is left without a row."""
        for name in self.container.names(rows.folder(one.id), check):
            self.container.delete(name, check)
        place, rolls = _place(one), _rolls(one)
        steps = [Delete(rows.id_key(one.id)), *(Delete(roll.rows + place) for roll in rolls)]
        self._rolls.write(steps, removed(rolls, place, _KIND))

    def is_held(self, one: Analysis) -> bool:
        """Whether later ones are compared with it."""
        return one.id in self._held(one.project_id, one.repository_id)

    def unhold(self, project_id: int | None, repository_id: str) -> None:
        """Remove what later analyses of a repository would be compared with."""
        for row in self._lasts(project_id, repository_id):
            with translated(_SERVICE):
                self._table.transact(rows.PARTITION, [Delete(str(row["RowKey"]))])

    def sweep(self, now: datetime, check: Callable[[], None]) -> int:
        """Remove the blobs, older than a day, that no row names; how many."""
        gone, before, kept = 0, "", -1
        for item in self.container.items(check):
            named = rows.of_blob(item.name)
            if named is None or item.changed_at is None or now - item.changed_at < _DAY:
                continue
            check()
            analysis, attempt = named
            if analysis != before:  # its blobs come one after the other
                row = self._row(rows.id_key(analysis))
                before, kept = analysis, -1 if row is None else int(row["attempt"])
            if attempt != kept:
                self.container.delete(item.name, check)
                gone += 1
        return gone

    def _held(self, project_id: int | None, repository_id: str) -> set[str]:
        return {
            one
            for row in self._lasts(project_id, repository_id)
            for one in rows.to_last(row).tools.values()
        }

    def _size(self, blob: Any) -> int:
        with translated(f"blob storage (container {self.container.name})"):
            for item in self.container.items(beginning=blob.blob_name):
                if item.name == blob.blob_name:
                    return item.size
        raise Damaged(f"{blob.blob_name} is gone; something removed it")

    def _row(self, key: str) -> Mapping[str, Any] | None:
        with translated(_SERVICE):
            return self._table.get(rows.PARTITION, key)

    def _lasts(self, project_id: int | None, repository_id: str) -> Iterator[Mapping[str, Any]]:
        wanted = rows.lasts(project_id, repository_id)
        with translated(_SERVICE):
            yield from self._table.query(f"PartitionKey eq {literal(rows.PARTITION)} and {wanted}")


def _place(one: Analysis) -> str:
    """Where it is in its rolls."""
    return f"{left(one.at)}-{one.id}"


def _rolls(one: Analysis) -> list[Roll]:
    return rolls_of(name_of(one.project_id), one.repository_id)


def _last_key(of: Analysis) -> str:
    return rows.last_key(of.project_id, of.repository_id, of.branch, of.kind)


_DAY = timedelta(days=1)


class _Pieces(io.RawIOBase):
    """A stream of pieces as a file."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = next(self._source, b"")
        taken = self._rest[: len(buffer)]
        self._rest = self._rest[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)

    def close(self) -> None:
        self._source.close()
        super().close()
