"""Compares the files of the archive with what the catalog, the manifests and the files themselves
say: each file is read whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from shared.archive.catalog import Catalog
from shared.archive.parts import FOLDER, MANIFEST, Part, Place
from shared.archive.writing import Writer
from shared.errors import Conflict, Damaged
from shared.storage.blobs import stream
from shared.storage.blobs.container import Container


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of a file."""

    blob: str
    container: str
    state: str
    """`good`, `damaged`, `missing`, `unlisted` (the catalog does not have it), or `strange` (it is
    no file of the archive)."""
    jobs: int = 0
    error: str | None = None

    @property
    def good(self) -> bool:
        return self.state == "good"


class Checker:
    """Checks the files. Methods raise `Unavailable` or `Refused` if storage fails."""

    def __init__(
        self, catalog: Catalog, container: Callable[[str], Container], own: str, writer: Writer
    ) -> None:
        """`own`: the container into which this app writes."""
        self._catalog = catalog
        self._container = container
        self._own = own
        self._writer = writer

    def findings(self, check: Callable[[], None]) -> Iterator[Finding]:
        """One for each file that the catalog names, then one for each blob of the container that it
        does not."""
        parts = self._catalog.parts()
        there: dict[str, set[str]] = {}
        for name in {self._own, *(part.container for part in parts)}:
            there[name] = {item.name for item in self._container(name).items(check)}
        for part in parts:
            check()
            yield self._of(part, there[part.container])
        known = {one for part in parts for one in (part.place.blob, part.place.manifest)}
        for name in sorted(there[self._own] - known):
            file = name.removesuffix(MANIFEST)
            is_ours = name.startswith(FOLDER) and Place.of_blob(file) is not None
            if is_ours and name != file and file in there[self._own]:
                continue  # the manifest of a file that is reported itself
            state = "unlisted" if is_ours and name == file else "strange"
            yield Finding(name, self._own, state)

    def _of(self, part: Part, there: set[str]) -> Finding:
        blob, container = part.place.blob, part.container
        if blob not in there:
            return Finding(blob, container, "missing", part.count, "the blob is gone")
        try:
            stream.read_back(
                self._container(container).blob(blob), part.size, part.sha256, stream.go_on
            )
            self._writer.hold_contents(part)
            if part.place.manifest not in there:
                raise Damaged(f"{part.place.manifest} is gone")
            self._hold_manifest(part)
        except (Damaged, Conflict) as error:
            return Finding(blob, container, "damaged", part.count, str(error))
        return Finding(blob, container, "good", part.count)

    def _hold_manifest(self, part: Part) -> None:
        name = part.place.manifest
        text = stream.text(self._container(part.container).blob(name))
        try:
            said: dict[str, Any] = json.loads(text)
            wanted: dict[str, Any] = json.loads(part.text())
            wrong = sorted(key for key in wanted if said.get(key) != wanted[key])
        except (ValueError, AttributeError) as error:
            raise Damaged(f"{name} cannot be read: {error}") from error
        if wrong:
            raise Damaged(f"{name} says otherwise: {', '.join(wrong)}")
