"""What the Google Drive of the tests holds, what it was asked, and what is to go wrong with it."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.settings import DriveSettings, Secret

UNIT = 256 * 1024
FOLDER = "folder-on-a-shared-drive"
SHARED_DRIVE = "the-shared-drive"
ADDRESS = "backups@belfry-test.iam.gserviceaccount.com"
# Short: google-auth proves a key whenever it reads it, of 2048 bits for a tenth of a second.
_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
PRIVATE_KEY = _KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()
PUBLIC_KEY = _KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
AUDIENCE = "https://oauth2.googleapis.com/token"
"""google-auth says so whatever the key's token_uri is."""
_STRING = r"'((?:[^'\\]|\\['\\])*)'"


@dataclass
class Item:
    """A file in Drive."""

    id: str
    metadata: dict[str, Any]
    content: bytes
    """Empty if the server keeps none."""
    size: int
    sha256: str | None
    created_at: datetime
    trashed: bool = False

    def to_json(self) -> dict[str, Any]:
        told = {
            "id": self.id,
            "name": self.metadata["name"],
            "size": str(self.size),
            "createdTime": self.created_at.isoformat(timespec="milliseconds").replace(
                "+00:00", "Z"
            ),
            "appProperties": self.metadata.get("appProperties", {}),
        }
        return told if self.sha256 is None else told | {"sha256Checksum": self.sha256}


@dataclass
class Session:
    """An upload under way."""

    metadata: dict[str, Any]
    size: int
    kept: int = 0
    content: bytearray = field(default_factory=bytearray)
    hashed: Any = field(default_factory=hashlib.sha256)
    done: Item | None = None


@dataclass
class Fault:
    """What to do instead of the next request that `method` and `path` (a regex) match."""

    method: str
    path: str
    status: int = 0
    """0: answers as ever (after `action`)."""
    reason: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    after: int = 0
    """So many matching requests are let by first."""
    times: int = 1
    cut_at: int | None = None
    """Of an upload's chunk: the connection is reset after so many bytes."""
    takes: int | None = None
    """Of an upload's chunk: only so many of its bytes are kept."""
    unanswered: bool = False
    """The request is done, but its answer is lost."""
    action: Callable[[], object] | None = None


class DriveServer:
    """The service's state, and what it was asked."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.items: dict[str, Item] = {}
        self.sessions: dict[str, Session] = {}
        self.folders: dict[str, dict[str, Any]] = {
            FOLDER: {"mimeType": "application/vnd.google-apps.folder", "driveId": SHARED_DRIVE}
        }
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        """Method and path."""
        self.chunks: list[tuple[int, int]] = []
        """Of every chunk that came: where it began, and how many bytes of it came."""
        self.left_open = 0
        """Connections that the client did not close."""
        self.tokens: set[str] = set()
        self.issued = 0
        self.token_error: tuple[int, str] | None = None
        self.page_size = 1000
        self.may_delete = True
        self.keeps_content = True
        self.corrupts = False
        """Whether a bit of each new file turns."""
        self.checksum_late = 0
        """So many times a file's checksum is not told."""
        self.now = datetime(2026, 11, 1, tzinfo=UTC)
        self.url = ""

    def fail(self, method: str, path: str, **how: Any) -> Fault:
        """Add a fault."""
        fault = Fault(method, path, **how)
        self.faults.append(fault)
        return fault

    def settings(self, **changed: Any) -> DriveSettings:
        """What points here."""
        key = {
            "type": "service_account",
            "client_email": ADDRESS,
            "private_key": PRIVATE_KEY,
            "private_key_id": "k1",
            "token_uri": f"{self.url}/token",
        } | changed
        return DriveSettings(
            folder_id=FOLDER, service_account=Secret(json.dumps(key)), url=self.url
        )

    def add(self, name: str, **metadata: Any) -> Item:
        """A file that is there already."""
        self.now += timedelta(minutes=1)
        content = b"another's"
        item = Item(
            uuid.uuid4().hex,
            {"name": name, "parents": [FOLDER], **metadata},
            content,
            len(content),
            hashlib.sha256(content).hexdigest(),
            self.now,
        )
        self.items[item.id] = item
        return item

    def names(self) -> list[str]:
        """Of what is in the folder, oldest first."""
        return [one.metadata["name"] for one in self.items.values() if not one.trashed]

    def content(self, name: str) -> bytes:
        """Of the only file of that name."""
        (item,) = [one for one in self.items.values() if one.metadata["name"] == name]
        return item.content

    def asked(self, method: str, path: str) -> int:
        """How often."""
        return sum(one == method and re.search(path, two) is not None for one, two in self.requests)

    def finish(self, session: Session) -> Item:
        self.now += timedelta(minutes=1)
        sha256 = session.hashed.hexdigest()
        if self.corrupts:
            sha256 = hashlib.sha256(b"turned").hexdigest()
        session.done = Item(
            uuid.uuid4().hex,
            session.metadata,
            bytes(session.content),
            session.kept,
            sha256,
            self.now,
        )
        self.items[session.done.id] = session.done
        return session.done

    def search(self, query: str) -> list[Item]:
        """Raises `ValueError` if the query is none."""
        tests: list[Callable[[Item], bool]] = [lambda item: not item.trashed]
        rest = query
        while rest:
            if match := re.match(rf"{_STRING} in parents", rest):
                parent = _unescaped(match[1])
                if parent not in self.folders:
                    raise LookupError
                tests.append(lambda item, parent=parent: parent in item.metadata["parents"])  # type: ignore[misc]
            elif match := re.match(rf"name = {_STRING}", rest):
                name = _unescaped(match[1])
                tests.append(lambda item, name=name: item.metadata["name"] == name)  # type: ignore[misc]
            elif match := re.match(
                rf"appProperties has \{{ key={_STRING} and value={_STRING} \}}", rest
            ):
                key, value = _unescaped(match[1]), _unescaped(match[2])
                tests.append(
                    lambda item, key=key, value=value: (  # type: ignore[misc]
                        item.metadata.get("appProperties", {}).get(key) == value
                    )
                )
            elif not (match := re.match("trashed = false", rest)):
                raise ValueError(rest)
            rest = rest[match.end() :]
            if rest and not rest.startswith(" and "):
                raise ValueError(rest)
            rest = rest.removeprefix(" and ")
        return [item for item in self.items.values() if all(test(item) for test in tests)]


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
