"""Reads the content of small blobs, each only once as long as it does not change: if a container's
blobs have lost their metadata, only the first look has to read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from shared.backups.model import MANIFEST_SUFFIX, Report, Summary
from shared.backups.store.encryption import Locked, Seal
from shared.backups.store.parsing import UNREADABLE, manifest_of, report_of
from shared.errors import Damaged
from shared.storage.blobs.container import Item
from shared.threads import Pool

_AT_ONCE = 8
CHECKSUM_SUFFIX = ".sha256"
_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Told:
    """What a small blob says, if it can be read."""

    summary: Summary | None = None
    """If it is a manifest: the backup's summary,"""
    blob: str = ""
    """and the name of the backup's blob."""
    report: Report | None = None
    sha256: str | None = None
    """If it is a file for `sha256sum -c`: the hash."""
    why: str = ""
    """Why it cannot be read."""
    locked: bool = False
    """Whether that is because no key opens it."""


Read = Callable[[Sequence[Item]], dict[str, Told]]
"""Reads blobs; returns what they say, by their names."""


class Readings:
    """What has been read from one container."""

    def __init__(self, seal: Seal | None) -> None:
        self._seal = seal
        self._known: dict[tuple[str, str | None], Told] = {}
        """What the last look needed, by name and ETag."""

    @contextmanager
    def look(self, content: Callable[[str], bytes]) -> Iterator[Read]:
        """The reader for one look at the container. `content` reads a blob, may raise `Damaged`."""
        used: dict[tuple[str, str | None], Told] = {}

        def read(items: Sequence[Item]) -> dict[str, Told]:
            known = self._known
            new = [one for one in items if (one.name, one.etag) not in known]
            with Pool(min(_AT_ONCE, max(len(new), 1)), "belfry-reading") as pool:
                told = pool.map(lambda one: self._told(one.name, content), new)
            heard = {one.name: said for one, said in zip(new, told, strict=True)}
            for one in items:
                said = heard.get(one.name) or known[one.name, one.etag]
                used[one.name, one.etag] = heard[one.name] = said
            return heard

        yield read
        self._known = used

    def _told(self, name: str, content: Callable[[str], bytes]) -> Told:
        try:
            return _parsed(name, content(name), self._seal)
        except Locked as error:
            return Told(why=str(error), locked=True)
        except UNREADABLE as error:
            return Told(why=str(error) or type(error).__name__)


def _parsed(name: str, content: bytes, seal: Seal | None) -> Told:
    """Parse a blob by the kind that its name shows. Raises one of `UNREADABLE`."""
    if name.endswith(CHECKSUM_SUFFIX):
        digits = content[:_DIGITS].decode("ascii")
        if len(bytes.fromhex(digits)) * 2 != _DIGITS:
            raise Damaged(f"{name} has no SHA-256")
        return Told(sha256=digits)
    if name.endswith(MANIFEST_SUFFIX):
        manifest = manifest_of(content, seal)
        return Told(summary=manifest.summary, blob=manifest.blob)
    return Told(report=report_of(content, seal))
