"""CSV files of items that customers send: in parts, since a request takes a million bytes.

A file is begun, gets its parts in any order, some perhaps twice, and is completed. Nothing of it is
ever whole in memory. A project keeps `MOST_FILES`, each for `KEPT`; so what one customer stores is
bounded, also what is begun and never completed.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import timedelta

from shared.batch.rows import SentFile
from shared.batch.store import Store, file_name
from shared.clock import Clock
from shared.errors import Conflict, Invalid, NotFound
from shared.storage.blobs import journal

MOST_BYTES = 256 * 1024 * 1024
MOST_PARTS = 400
PART = 700_000
"""The most bytes of a part: in base64 it fits into a request."""
MOST_FILES = 20
KEPT = timedelta(days=30)


class Files:
    """The files. Methods raise `Unavailable` or `Refused` if storage fails."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def begin(self, project_id: int | None, name: str, by: str) -> SentFile:
        """A new file. Raises `Conflict` if the project has too many."""
        now = self._clock.now()
        there = self._store.files(project_id)
        for old in there:
            if now - old.created_at > KEPT:
                self._store.remove_file(old)
        if sum(now - one.created_at <= KEPT for one in there) >= MOST_FILES:
            raise Conflict(f"the project has {MOST_FILES} files; delete one first")
        self._store.container.create()
        made = SentFile(
            id=f"u{secrets.token_hex(8)}",
            project_id=project_id,
            name=name,
            created_at=now,
            created_by=by,
        )
        self._store.put_file(made)
        return made

    def put_part(self, file: SentFile, number: int, data: bytes) -> None:
        """A part of the file; one that comes again takes the place of the first. Raises `Conflict`
        if the file is complete."""
        if file.size is not None:
            raise Conflict(f"the file {file.id} is complete; send another")
        if not 1 <= number <= MOST_PARTS:
            raise Invalid("number", f"parts have the numbers 1 to {MOST_PARTS}")
        if not 0 < len(data) <= PART:
            raise Invalid("content", f"a part has 1 to {PART:,} bytes; this one has {len(data):,}")
        journal.put_part(self._store.container, file_name(file), number, data)

    def complete(self, file: SentFile, count: int) -> SentFile:
        """The file of its parts 1 to `count`; harmless if it is complete. Raises `Conflict` if one
        is missing, `Invalid` if it is too large."""
        if file.size is not None:
            return file
        sizes = journal.parts(self._store.container, file_name(file))
        numbers = range(1, count + 1)
        if missing := [one for one in numbers if one not in sizes]:
            sent = journal.get_size(self._store.container, file_name(file))
            if sent is None:
                raise Conflict(f"part {missing[0]} was not sent")
            size = sent  # it was joined, and then the process was killed
        else:
            size = sum(sizes[one] for one in numbers)
            if size > MOST_BYTES:
                raise Invalid("parts", f"a file has at most {MOST_BYTES:,} bytes")
            journal.join(self._store.container, file_name(file), numbers)
        made = replace(file, size=size)
        self._store.put_file(made)
        return made

    def get(self, file_id: str) -> SentFile:
        """The file, of whichever project."""
        found = self._store.file(file_id)
        if found is None:
            raise NotFound(f"there is no file {file_id!r}")
        return found

    def own(self, project_id: int | None, file_id: str) -> SentFile:
        """The file of that project. Raises `NotFound` for another's too."""
        found = self.get(file_id)
        if found.project_id != project_id:
            raise NotFound(f"there is no file {file_id!r}")
        return found

    def all(self, projects: Collection[int] | None) -> list[SentFile]:
        """The files of these projects, newest first; None: of all, and of none."""
        if projects is None:
            found = self._store.all_files()
        else:
            found = [file for one in sorted(projects) for file in self._store.files(one)]
        return sorted(found, key=lambda one: one.created_at, reverse=True)

    def remove(self, file: SentFile) -> None:
        self._store.remove_file(file)

    def content(self, project_id: int | None, file_id: str) -> Iterator[bytes]:
        """The bytes of a complete file. Raises `Conflict` if it is not."""
        file = self.own(project_id, file_id)
        if file.size is None:
            raise Conflict(f"the file {file_id} is not complete; send its parts, then complete it")
        return journal.stream(self._store.container, file_name(file))
