"""Where archived jobs lie: one file for each day (UTC) of due times and each shard, and further
parts of it for jobs that ended late.

`jobs/2026/08/01/s003.jsonl.zst` holds the jobs of shard `s003` that were due on that day;
`s003.2.jsonl.zst` those of the same day that came later. A file is never changed. Beside it is its
manifest, `s003.jsonl.zst.manifest.json`; the same facts are in the blob's metadata, since those
become visible together with its bytes, and in a row of the table's partition `archive`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

FOLDER = "jobs/"
MANIFEST = ".manifest.json"
VERSION = 1
"""Of the form of files and manifests."""
_NAME = re.compile(
    FOLDER + r"(\d{4})/(\d{2})/(\d{2})/(s\d{3})(?:\.([2-9]|[1-9]\d{1,3}))?\.jsonl\.zst"
)
DAY = timedelta(days=1)


@dataclass(frozen=True, order=True, slots=True)
class Place:
    """Which file: a day, a shard, and a number from 1 on."""

    day: date
    shard: str
    number: int = 1

    @property
    def blob(self) -> str:
        """The name of its blob."""
        more = "" if self.number == 1 else f".{self.number}"
        return f"{FOLDER}{self.day:%Y/%m/%d}/{self.shard}{more}.jsonl.zst"

    @property
    def manifest(self) -> str:
        """The name of its manifest's blob."""
        return self.blob + MANIFEST

    @property
    def key(self) -> str:
        """The key of its row in the catalog."""
        return f"{self.day.isoformat()}:{self.shard}:{self.number:04d}"

    @property
    def begin(self) -> datetime:
        """When its day begins."""
        return datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC)

    @staticmethod
    def of_key(key: str) -> Place | None:
        """The place of a row in the catalog; None if its key is none."""
        try:
            day, shard, number = key.split(":")
            return Place(date.fromisoformat(day), shard, int(number))
        except ValueError:
            return None

    @staticmethod
    def of_blob(name: str) -> Place | None:
        """The place of a blob; None if that is no file of the archive."""
        match = _NAME.fullmatch(name)
        try:
            if match is None:
                return None
            year, month, day = (int(match[number]) for number in (1, 2, 3))
            return Place(date(year, month, day), match[4], int(match[5] or 1))
        except ValueError:
            return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A file: where it is, and what is in it."""

    place: Place
    container: str
    count: int
    """Jobs, one a line."""
    failed: int
    """How many of them failed."""
    first_due_at: datetime
    last_due_at: datetime
    reaches: datetime
    """The latest due time that any of them stands for: a stretch may reach beyond the day."""
    size: int
    """Bytes of the blob."""
    sha256: str
    """Of these bytes."""
    index_at: int
    """Where the index begins, after the last frame."""
    version: int = VERSION

    @property
    def facts(self) -> dict[str, str]:
        """What is known of the file, wherever it is, as text: its blob's metadata."""
        elsewhere = ("place", "container")
        said = {name: str(value) for name, value in asdict(self).items() if name not in elsewhere}
        return said | {name: getattr(self, name).isoformat() for name in _INSTANTS}

    @property
    def row(self) -> dict[str, str]:
        """Its row in the catalog."""
        return self.facts | {"container": self.container}

    def text(self) -> bytes:
        """Its manifest."""
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        named = {"blob": self.place.blob, "shard": self.place.shard}
        said = self.facts | numbers | named | {"day": self.place.day.isoformat()}
        return json.dumps(said, indent=2, sort_keys=True).encode() + b"\n"


_INSTANTS = ("first_due_at", "last_due_at", "reaches")
_NUMBERS = ("count", "failed", "size", "index_at", "version")


def part_of(place: Place, facts: Mapping[str, Any], container: str) -> Part:
    """The part that has these facts. Raises `ValueError`, `KeyError` or `TypeError` if they cannot
    be read."""
    values: dict[str, Any] = {"sha256": str(facts["sha256"])}
    values |= {name: int(facts[name]) for name in _NUMBERS}
    values |= {name: datetime.fromisoformat(facts[name]) for name in _INSTANTS}
    if values["version"] != VERSION:
        raise ValueError(f"it has the form {values['version']}; this version reads {VERSION}")
    return Part(place=place, container=container, **values)


def day_of(at: datetime) -> date:
    """The day of an instant, in UTC."""
    return at.astimezone(UTC).date()
