"""A resumable upload to Google Drive: chunks in one session, resumed after the last byte that Drive
has (https://developers.google.com/workspace/drive/api/guides/manage-uploads#resumable).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from shared.backups.drive.client import Again, Client
from shared.errors import Damaged, Misconfigured

Read = Callable[[int, int], bytes]
"""(offset, length) -> exactly `length` bytes."""

_BEGIN = {"uploadType": "resumable", "supportsAllDrives": "true", "fields": "id"}
_GOES_ON = 308


class SessionGone(Exception):
    """Drive no longer knows the upload session: the upload must start over."""


class Upload:
    """One upload session. Nothing is in the folder until the last byte is sent; an abandoned
    session expires after a week. Holds one chunk (a multiple of 256 KiB) in memory at a time."""

    def __init__(self, client: Client, name: str, size: int, read: Read, chunk: int) -> None:
        self._client, self._name, self._size = client, name, size
        self._read, self._chunk = read, chunk
        self._url = ""
        """The session's URL. It is a secret: whoever has it can write to the upload."""
        self._at: int | None = 0
        """How many bytes Drive has; None if it must be asked, since sending a chunk failed."""

    def run(self, metadata: Mapping[str, object], lost: Misconfigured) -> str:
        """Upload everything; return the file's id.

        Raises `lost` if there is no folder, `SessionGone`, `Damaged` if there are fewer bytes to
        read than `size`, and the errors of `Client`.
        """
        self._url = self._client.patiently(lambda: self._begin(metadata, lost))
        while (file_id := self._client.patiently(self._send)) is None:
            pass
        return file_id

    def _begin(self, metadata: Mapping[str, object], lost: Misconfigured) -> str:
        about = {
            "X-Upload-Content-Type": "application/octet-stream",
            "X-Upload-Content-Length": str(self._size),
        }
        url = f"{self._client.url}/upload/drive/v3/files"
        answer = self._client.send("POST", url, lost, params=_BEGIN, json=metadata, headers=about)
        if "Location" not in answer.headers:
            raise Again("it does not tell where to upload to")
        return answer.headers["Location"]

    def _send(self) -> str | None:
        """Send a chunk; return the file's id once Drive has all of it, else None."""
        at = self._put("*", b"") if self._at is None else self._at
        if isinstance(at, str):
            return at
        self._at = None
        content = self._content(at)
        has = self._put(f"{at}-{at + len(content) - 1}" if content else "*", content)
        if isinstance(has, str):
            return has
        if has <= at:
            raise Again("it takes no bytes")
        self._at = has  # Drive may keep less than it was sent
        return None

    def _put(self, span: str, content: bytes) -> str | int:
        """Send a span of bytes; return the file's id, or how many bytes Drive has. The span `*`
        sends nothing and only asks."""
        where = {"Content-Range": f"bytes {span}/{self._size}"}
        answer = self._client.send("PUT", self._url, SessionGone(), data=content, headers=where)
        if answer.status != _GOES_ON:
            return str(answer.body["id"])
        kept = re.fullmatch(r"bytes=0-(\d+)", answer.headers.get("Range", ""))
        return int(kept[1]) + 1 if kept else 0

    def _content(self, at: int) -> bytes:
        length = min(self._chunk, self._size - at)
        content = self._read(at, length) if length else b""
        if len(content) != length:
            raise Damaged(f"{self._name}: {len(content)} bytes at {at}, not {length}")
        return content
