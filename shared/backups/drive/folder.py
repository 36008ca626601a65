"""Copies of backups in a folder of Google Drive, beside those at the destinations (L6).

A copy counts if the SHA-256 that Drive computed for it is the backup's. Only files that this class
has put there are listed, compared and removed: they carry its mark in their appProperties, which
programs of other service accounts can neither read nor write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from shared.backups.drive.account import Account
from shared.backups.drive.client import SERVICE, Again, Check, Client, Forbidden, session
from shared.backups.drive.upload import Read, SessionGone, Upload
from shared.backups.model import checksum_name
from shared.clock import Clock
from shared.errors import Damaged, Invalid, Misconfigured, NotFound, Refused, Unavailable
from shared.settings import DriveSettings

GROUP = "belfry_group"
"""The property that says which files `keep` counts together."""
TAKEN_AT = "belfry_taken_at"
"""The property that says, in ISO 8601 with an offset, when the backup was taken. A copy may be made
later, but its age counts from then."""
_MARK, _SHA256, _BESIDE = "belfry", "belfry_sha256", "belfry_beside"
_PROPERTY = 124
"""Bytes of a property's key and value together (Drive's limit)."""

_FOLDER = "application/vnd.google-apps.folder"
_FIELDS = "id,name,size,sha256Checksum,createdTime,appProperties"
_ALL_DRIVES = {"supportsAllDrives": "true"}
_CHUNK = 8 * 1024 * 1024
_SESSIONS = 5
"""Upload sessions that are begun for one file before giving up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DriveFile:
    """A file that Belfry has put into the folder."""

    id: str
    name: str
    size: int
    sha256: str | None
    """The hash of its content, as Drive computed it; None if Drive has not given it yet."""
    created_at: datetime
    properties: Mapping[str, str]

    @property
    def whole(self) -> bool:
        """Whether its content is what was meant to be uploaded."""
        return self.sha256 is not None and self.sha256 == self.properties.get(_SHA256)

    @property
    def taken_at(self) -> datetime:
        return datetime.fromisoformat(self.properties.get(TAKEN_AT) or self.created_at.isoformat())

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> DriveFile:
        """From Drive's answer."""
        return cls(
            id=values["id"],
            name=values["name"],
            size=int(values.get("size", 0)),
            sha256=values.get("sha256Checksum"),
            created_at=datetime.fromisoformat(values["createdTime"]),
            properties=values.get("appProperties", {}),
        )


class Drive:
    """The folder of GDRIVE_FOLDER_ID, written to by the account of GDRIVE_SERVICE_ACCOUNT.

    `check` is called between requests and during waits; what it raises ends the call at once.
    Besides the errors that they name, all methods raise `Misconfigured` (the folder, the key),
    `Refused`, and `Unavailable` if requests have failed for ten minutes. Holds `chunk` bytes (a
    multiple of 256 KiB) of a file in memory at a time.
    """

    def __init__(self, settings: DriveSettings, clock: Clock, *, chunk: int = _CHUNK) -> None:
        self._account = Account(settings)
        self._folder_id = settings.folder_id
        self._url = settings.url.rstrip("/")
        self._clock = clock
        self._chunk = chunk
        self._shared_drive: str | None = None
        """The shared drive's id, empty if the folder is on none; None until it was looked up."""

    @staticmethod
    def of(settings: DriveSettings, clock: Clock) -> Drive | None:
        """The folder in the settings; None if they name none. Raises `Misconfigured`."""
        if not settings.folder_id and not settings.service_account:
            return None
        return Drive(settings, clock)

    @property
    def address(self) -> str:
        """The service account's address, which the folder must be shared with."""
        return self._account.address

    def put(
        self,
        name: str,
        size: int,
        sha256: str,
        read: Read,
        check: Check,
        properties: Mapping[str, str],
    ) -> str:
        """Put a file into the folder, unless the same one is there; return its id.

        The properties must have GROUP, and should have TAKEN_AT. If what Drive has in the end is
        not what was read, that file is removed and `Damaged` raised.
        """
        own = {**properties, _MARK: "1", _SHA256: sha256}
        for key, value in own.items():
            if len(f"{key}{value}".encode()) > _PROPERTY:
                raise Invalid(f"properties.{key}", f"with its value over {_PROPERTY} bytes")
        with self._client(check) as client:
            self._look(client)
            metadata = {"name": name, "parents": [self._folder_id], "appProperties": own}
            for _ in range(_SESSIONS):
                file_id = self._there(client, name, size, sha256)
                try:
                    if file_id is None:
                        upload = Upload(client, name, size, read, self._chunk)
                        file_id = upload.run(metadata, self._lost)
                except SessionGone:
                    continue
                self._compare(client, file_id, name, size, sha256)
                return file_id
        raise Unavailable(SERVICE, f"it lost the upload of {name} {_SESSIONS} times")

    def put_checksum(
        self, name: str, sha256: str, check: Check, properties: Mapping[str, str]
    ) -> str:
        """Put a file for `sha256sum -c` beside the file `name`; return its id. `keep` removes
        both."""
        import hashlib

        shown = name.replace("\\", "\\\\").replace("\n", "\\n")
        mark = "" if shown == name else "\\"  # sha256sum itself marks escaped names like this
        text = f"{mark}{sha256}  {shown}\n".encode()
        return self.put(
            checksum_name(name),
            len(text),
            hashlib.sha256(text).hexdigest(),
            lambda offset, length: text[offset : offset + length],
            check,
            {**properties, _BESIDE: "1"},
        )

    def files(self, check: Check) -> list[DriveFile]:
        """The files that were put into the folder and not removed, of all groups."""
        with self._client(check) as client:
            self._look(client)
            return self._files(client, {})

    def keep(self, count: int, group: str, check: Check) -> list[str]:
        """Remove all but the newest `count` files of a group, with their checksum files; return the
        names of what was removed.

        A file that is not whole is not counted, and is left for `put` to repair. The newest whole
        file always stays, whatever `count` is.
        """
        with self._client(check) as client:
            self._look(client)
            found = self._files(client, {GROUP: group})
            backups: dict[str, list[DriveFile]] = {}
            for file in found:
                if file.whole and _BESIDE not in file.properties:
                    backups.setdefault(file.name, []).append(file)
            newest_first = sorted(
                backups,
                key=lambda name: (max(one.taken_at for one in backups[name]), name),
                reverse=True,
            )
            old = newest_first[max(count, 1) :]
            for name in old:
                # The backup itself goes last, so that an interrupted removal is found again.
                for file in found:
                    if file.name == checksum_name(name) and _BESIDE in file.properties:
                        self._remove(client, file.id)
                for file in backups[name]:
                    self._remove(client, file.id)
            return old

    @contextmanager
    def _client(self, check: Check) -> Iterator[Client]:
        with session(self._account.credentials) as http:
            yield Client(http=http, url=self._url, clock=self._clock, check=check)

    def _look(self, client: Client) -> None:
        """Once, check that the folder can be used, and note which shared drive it is on."""
        if self._shared_drive is not None:
            return
        params = {**_ALL_DRIVES, "fields": "mimeType,trashed,driveId"}
        path = f"/drive/v3/files/{quote(self._folder_id, safe='')}"
        found = client.ask("GET", path, params, self._lost)
        if found.get("mimeType") != _FOLDER or found.get("trashed"):
            what = "in the bin" if found.get("trashed") else "no folder"
            raise Misconfigured(f"GDRIVE_FOLDER_ID: what it names is {what}")
        self._shared_drive = found.get("driveId", "")

    @property
    def _lost(self) -> Misconfigured:
        return Misconfigured(
            "GDRIVE_FOLDER_ID: Google Drive shows no such folder. If it is there, share it with "
            f"{self.address} (as Content manager)"
        )

    def _files(
        self, client: Client, properties: Mapping[str, str], name: str | None = None
    ) -> list[DriveFile]:
        terms = [f"{_quoted(self._folder_id)} in parents", "trashed = false"]
        for key, value in {_MARK: "1", **properties}.items():
            terms.append(f"appProperties has {{ key={_quoted(key)} and value={_quoted(value)} }}")
        if name is not None:
            terms.append(f"name = {_quoted(name)}")
        params = {
            **_ALL_DRIVES,
            "includeItemsFromAllDrives": "true",
            "q": " and ".join(terms),
            "fields": f"nextPageToken,files({_FIELDS})",
            "pageSize": "1000",
        }
        if self._shared_drive:
            params |= {"corpora": "drive", "driveId": self._shared_drive}
        rows: list[DriveFile] = []
        while True:
            page = client.ask("GET", "/drive/v3/files", params, self._lost)
            rows += map(DriveFile.of, page.get("files", []))
            if not page.get("nextPageToken"):
                return rows
            params["pageToken"] = page["nextPageToken"]

    def _there(self, client: Client, name: str, size: int, sha256: str) -> str | None:
        """The id of the file if an earlier attempt has put it there; damaged ones are removed."""
        for file in self._files(client, {_SHA256: sha256}, name):
            if file.sha256 in (None, sha256) and file.size == size:
                return file.id
            self._remove(client, file.id)
        return None

    def _compare(self, client: Client, file_id: str, name: str, size: int, sha256: str) -> None:
        """If Drive's file is not what was sent, remove it and raise `Damaged`."""
        url, params = f"{client.url}/drive/v3/files/{file_id}", {**_ALL_DRIVES, "fields": _FIELDS}
        gone = Damaged(f"{name}: Google Drive took it, and has it no more")

        def look() -> DriveFile:
            file = DriveFile.of(client.send("GET", url, gone, params=params).body)
            if file.sha256 is None:
                raise Again(f"it does not tell the SHA-256 of {name}")
            return file

        file = client.patiently(look)
        if file.size == size and file.sha256 == sha256:
            return
        text = (
            f"{name}: {size} bytes with SHA-256 {sha256} were sent, "
            f"Google Drive has {file.size} with {file.sha256}"
        )
        try:
            self._remove(client, file_id)
        except (Refused, Unavailable) as error:
            raise Damaged(f"{text}; it is still there: {error}") from error
        raise Damaged(text)

    def _remove(self, client: Client, file_id: str) -> None:
        path, gone = f"/drive/v3/files/{file_id}", NotFound("the file is gone")
        try:
            try:
                client.ask("DELETE", path, _ALL_DRIVES, gone)
            except Forbidden:  # a Content manager may only move it to the bin
                client.ask("PATCH", path, _ALL_DRIVES, gone, {"trashed": True})
        except NotFound:
            return


def _quoted(text: str) -> str:
    """A string literal of Drive's query language."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
