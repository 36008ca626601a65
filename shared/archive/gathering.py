"""The old jobs of several days of a shard, read in one pass over it.

Table Storage finds a day's jobs by looking at every job of the shard. So days of few jobs are read
together, each into a temporary file without a name: it is gone when the process ends, however that
ends. A day that finds no room is read by itself, and needs no file.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from typing import IO, Any

from shared.archive.parts import day_of
from shared.schedules.job import parse_id

MOST_JOBS = 50_000
"""The most jobs that are read together."""
MOST_DAYS = 100
"""Of so many days at the most: each has an open file."""
MOST_BYTES = 100_000_000
"""The most that the files hold; days that do not fit are read again."""


def together(days: Sequence[date], counts: Mapping[date, int]) -> list[date]:
    """The first of these days, as many as are read together; at least one. `counts`: how many jobs
    there are of each."""
    chosen, jobs = list(days[:1]), counts[days[0]]
    for day in days[1:MOST_DAYS]:
        jobs += counts[day]
        if jobs > MOST_JOBS:
            break
        chosen.append(day)
    return chosen


class Gathered:
    """Raw rows, by day. A context manager; after it they are gone."""

    def __init__(self) -> None:
        self._ending = ExitStack()
        self._files: dict[date, IO[bytes]] = {}

    def __enter__(self) -> Gathered:
        return self

    def __exit__(self, *error: object) -> None:
        self._ending.close()

    @property
    def days(self) -> list[date]:
        """Those that found room: the first ones of those that were asked for. Maybe none."""
        return sorted(self._files)

    def read(
        self,
        days: Iterable[date],
        rows: Iterable[dict[str, Any]],
        check: Callable[[], None],
    ) -> None:
        """Take the rows of these days, in their order. If the disk is full, none finds room."""
        size = 0
        if not self._open(days):
            return
        for number, row in enumerate(rows):
            if number % 1000 == 0:
                check()
            if not self._files:
                return
            file = self._files.get(day_of(parse_id(str(row["RowKey"]).rpartition(":")[2])[1]))
            if file is None:
                continue
            line = json.dumps(row).encode() + b"\n"
            if not _written(file, line):
                self._drop(self.days)
                return
            size += len(line)
            while size > MOST_BYTES and self._files:
                size -= self._drop(self.days[-1:])

    def of_day(self, day: date) -> Iterator[dict[str, Any]]:
        """The rows of a day; as often as it is asked, one at a time."""
        file = self._files[day]
        file.seek(0)
        with os.fdopen(file.fileno(), "rb", closefd=False) as lines:
            yield from map(json.loads, lines)

    def _open(self, days: Iterable[date]) -> bool:
        try:
            for day in days:
                # without a buffer, which would be written when it is closed, and that may fail
                file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115, the stack closes it
                self._files[day] = self._ending.enter_context(file)
        except OSError:  # no folder for it, or too many files
            self._drop(self.days)
            return False
        return True

    def _drop(self, days: Iterable[date]) -> int:
        """Let go of days; how many bytes they had."""
        size = 0
        for day in days:
            with self._files.pop(day) as file:
                size += file.seek(0, os.SEEK_END)
        return size


def _written(file: IO[bytes], line: bytes) -> bool:
    """Whether all of it was."""
    try:
        return file.write(line) == len(line)
    except OSError:  # the disk is full
        return False
