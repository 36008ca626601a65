"""OSV's database of vulnerabilities, kept in Blob Storage as one file for each ecosystem: lines
`package TAB entries`, sorted, compressed. An analysis reads it once, from the beginning to the end.

The file has the name of its content, and is written before `osv/{ecosystem}.json` names it, so that
whoever reads that finds a whole file.
https://google.github.io/osv.dev/data/
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sqlite3
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from shared import outgoing
from shared.analysis.advisories import Package, compact, matches
from shared.analysis.limits import MIB
from shared.analysis.model import Found, Rule
from shared.backups.scratch import scratch_folder
from shared.errors import Damaged, Refused, Unavailable
from shared.outgoing import Outgoing
from shared.storage.blobs import replaced
from shared.storage.blobs.container import Container
from shared.storage.blobs.stream import write_once
from shared.tasks import JobContext

_FOLDER = "osv/"
_ZIP = 1024 * MIB
_ENTRY = 8 * MIB
_ENTRIES = 1_000_000
_INFLATED = 8192 * MIB
_PIECE = 1024 * 1024
_SECONDS = 1500.0
_GARBLED = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """The database of one ecosystem, as it is kept."""

    ecosystem: str
    at: datetime
    """When it was fetched."""
    file: str
    entries: int
    packages: int


class Vulnerabilities:
    """The database."""

    def __init__(
        self,
        container: Container,
        guarded: Callable[[], Outgoing],
        url: str,
        ecosystems: Sequence[str],
    ) -> None:
        self._container = container
        self._guarded = guarded
        self._url = url
        self.ecosystems = ecosystems

    def known(self, ecosystem: str) -> Known | None:
        """What is kept; None: nothing yet."""
        found = replaced.read(self._container, _pointer(ecosystem))
        return None if found is None else _known(ecosystem, found[0])

    def matching(
        self, known: Known, packages: Sequence[Package], check: Callable[[], None]
    ) -> Iterator[tuple[Found, Rule]]:
        """What is wrong with these packages of one ecosystem. Raises `Damaged`."""
        wanted: dict[str, list[Package]] = {}
        for one in packages:
            wanted.setdefault(one.key, []).append(one)
        found = replaced.read(self._container, known.file)
        if found is None:
            raise Damaged(f"{known.file} is gone; vulnerability_update writes it anew")
        with gzip.open(io.BytesIO(found[0]), "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                if number % 1000 == 0:
                    check()
                name, _, entries = line.partition("\t")
                for one in wanted.get(name, ()):
                    yield from matches(one, json.loads(entries))

    def update(self, job: JobContext) -> Mapping[str, object]:
        """Fetch all anew; the counts by ecosystem."""
        done: dict[str, object] = {}
        self._container.create(job.check)
        for number, ecosystem in enumerate(self.ecosystems):
            with scratch_folder(Path(tempfile.gettempdir())) as folder:
                known = self._one(ecosystem, folder, job)
            job.log("fetched vulnerabilities", ecosystem=ecosystem, entries=known.entries)
            done[ecosystem] = {"entries": known.entries, "packages": known.packages}
            job.progress(number + 1, len(self.ecosystems))
        return done

    def _one(self, ecosystem: str, folder: Path, job: JobContext) -> Known:
        file = folder / "all.zip"
        self._fetch(f"{self._url}/{ecosystem}/all.zip", file, job.stop)
        with closing(sqlite3.connect(folder / "packages.db")) as database:
            entries = _gathered(file, ecosystem, database, job.check)
            file.unlink()
            data, packages = _packed(database, job.check)
        if not entries:
            raise Damaged(f"the database of {ecosystem} has no entries; the last one stays")
        name = f"{_FOLDER}{ecosystem}-{hashlib.sha256(data).hexdigest()[:32]}.gz"
        blob = self._container.blob(name, job.check)
        write_once(blob, data, {}, content_type="application/gzip", check=job.check)
        made = Known(
            ecosystem=ecosystem,
            at=job.clock.now(),
            file=name,
            entries=entries,
            packages=packages,
        )
        self._point(made, job.check)
        return made

    def _point(self, made: Known, check: Callable[[], None]) -> None:
        """Name the file from now on, and remove those before the last: analyses may read that."""
        before = replaced.read(self._container, _pointer(made.ecosystem))
        said = {
            "at": made.at.isoformat(),
            "file": made.file,
            "entries": made.entries,
            "packages": made.packages,
        }
        etag = None if before is None else before[1]
        written = replaced.write(
            self._container, _pointer(made.ecosystem), json.dumps(said).encode(), etag
        )
        if written is None:
            return  # another attempt was faster, and named what it fetched
        last = None if before is None else _known(made.ecosystem, before[0])
        keep = {made.file, last.file if last else ""}
        for name in self._container.names(f"{_FOLDER}{made.ecosystem}-", check):
            if name not in keep:
                self._container.delete(name, check)

    def _fetch(self, url: str, to: Path, stop: threading.Event) -> None:
        host = urlsplit(url).hostname or ""
        limits = outgoing.Limits(whole=_SECONDS, first_byte=60.0, body=_ZIP, redirects=3)
        answer = (
            self._guarded()
            .pool(limits, stop=stop)
            .request("GET", url, preload_content=False, headers={"Accept-Encoding": "identity"})
        )
        try:
            if answer.status >= 500 or answer.status == 429:
                raise Unavailable(host, f"answered {answer.status}")
            if answer.status != 200:
                raise Refused(host, f"answered {answer.status}; OSV_URL says where OSV's files are")
            with to.open("wb") as file:
                while piece := answer.read(_PIECE):
                    file.write(piece)
        finally:
            answer.close()


def _gathered(
    file: Path, ecosystem: str, database: sqlite3.Connection, check: Callable[[], None]
) -> int:
    """Put what each entry of the zip says of packages into a table; the entries that were read."""
    database.execute("PRAGMA journal_mode=OFF")
    database.execute("CREATE TABLE package (name TEXT, id TEXT, said TEXT)")
    read = inflated = 0
    try:
        with zipfile.ZipFile(file) as entries:
            listed = entries.infolist()
            if len(listed) > _ENTRIES:
                raise Refused("OSV", f"{len(listed)} entries; {_ENTRIES} may be")
            for number, one in enumerate(listed):
                if number % 500 == 0:
                    check()
                if one.is_dir() or one.file_size > _ENTRY or not one.filename.endswith(".json"):
                    continue
                inflated += one.file_size
                if inflated > _INFLATED:
                    raise Refused("OSV", f"more than {_INFLATED} bytes when it is inflated")
                with entries.open(one) as stream:
                    read += _take(stream, ecosystem, database)
    except zipfile.BadZipFile as error:
        raise Damaged(f"what came as the database of {ecosystem} is no zip ({error})") from error
    return read


def _take(stream: IO[bytes], ecosystem: str, database: sqlite3.Connection) -> int:
    """Read one entry; 0 if it is of no use, or cannot be read, since the others still can."""
    try:
        entry = json.loads(stream.read(_ENTRY))
        found = [(name, one["id"], json.dumps(one)) for name, one in compact(entry, ecosystem)]
    except _GARBLED:
        return 0
    database.executemany("INSERT INTO package VALUES (?, ?, ?)", found)
    return 1 if found else 0


def _packed(database: sqlite3.Connection, check: Callable[[], None]) -> tuple[bytes, int]:
    """(the file, the packages in it)."""
    made, packages = io.BytesIO(), 0
    with gzip.GzipFile(fileobj=made, mode="wb", compresslevel=6, mtime=0, filename="") as file:
        rows = database.execute("SELECT name, said FROM package ORDER BY name, id, said")
        held: list[str] = []
        last: str | None = None
        for name, said in rows:
            if name != last and last is not None:
                file.write(_line(last, held))
                packages, held = packages + 1, []
                if packages % 1000 == 0:
                    check()
            last = name
            held.append(said)
        if last is not None:
            file.write(_line(last, held))
            packages += 1
    return made.getvalue(), packages


def _line(name: str, held: Sequence[str]) -> bytes:
    plain = " ".join(name.split())  # no tab and no line end
    return f"{plain}\t[{','.join(held)}]\n".encode()


def _pointer(ecosystem: str) -> str:
    return f"{_FOLDER}{ecosystem}.json"


def _known(ecosystem: str, data: bytes) -> Known:
    try:
        said: Mapping[str, Any] = json.loads(data)
        return Known(
            ecosystem=ecosystem,
            at=datetime.fromisoformat(said["at"]),
            file=str(said["file"]),
            entries=int(said["entries"]),
            packages=int(said["packages"]),
        )
    except _GARBLED as error:
        raise Damaged(f"{_pointer(ecosystem)} cannot be read ({error})") from error
