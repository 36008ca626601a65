"""What somebody may do to the blobs of a container."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from azure.storage.blob import ContainerClient

MANIFEST = ".manifest.json"


@dataclass(frozen=True)
class Container:
    """Where somebody meddles."""

    client: ContainerClient

    def names(self, blob: str) -> list[str]:
        return list(self.client.list_blob_names(name_starts_with=blob))

    def report(self, blob: str) -> str:
        (name,) = [one for one in self.names(blob) if one.endswith(".verified.json")]
        return name

    def read(self, name: str) -> tuple[bytes, dict[str, str]]:
        one = self.client.get_blob_client(name)
        return one.download_blob().readall(), one.get_blob_properties().metadata

    def change(self, name: str, act: Callable[[bytes], bytes]) -> None:
        """Other content, the same metadata."""
        content, metadata = self.read(name)
        self.write(name, act(content), metadata)

    def write(self, name: str, content: bytes, metadata: dict[str, str]) -> None:
        self.client.upload_blob(name, content, overwrite=True, metadata=metadata)

    def swap(self, one: str, two: str, *, metadata: bool) -> None:
        (first, about_first), (second, about_second) = self.read(one), self.read(two)
        if not metadata:
            about_first, about_second = about_second, about_first
        self.write(one, second, about_second)
        self.write(two, first, about_first)

    def delete(self, name: str) -> None:
        self.client.delete_blob(name)

    def describe(self, name: str, metadata: dict[str, str]) -> None:
        self.client.get_blob_client(name).set_blob_metadata(metadata)


def add_user(folder: Path) -> None:
    """So that no two backups are the same."""
    with closing(sqlite3.connect(folder / "small.db")) as connection:
        connection.execute("INSERT INTO users (name) VALUES ('one more')")
        connection.commit()


def flip(at: int, bit: int = 0) -> Callable[[bytes], bytes]:
    def act(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[at] ^= 1 << bit
        return bytes(changed)

    return act
