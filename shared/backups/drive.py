"""Copies of backups in a folder of Google Drive, beside those at the destinations (L6).

A copy counts when Drive's own SHA-256 of it is the backup's. Only files that this class has put
there are seen, compared and removed; they carry its mark in their appProperties, which no other
service account's program can read or write.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import quote

from shared.backups.model import checksum_name
from shared.clock import monotonic
from shared.errors import (
    BelfryError,
    Damaged,
    Invalid,
    Misconfigured,
    NotFound,
    Refused,
    Unavailable,
)
from shared.settings import DriveSettings

if TYPE_CHECKING:
    from google.oauth2.service_account import Credentials

T = TypeVar("T")
Check = Callable[[], None]
Read = Callable[[int, int], bytes]
"""(offset, length) -> just so many bytes."""

GROUP = "belfry_group"
"""The property that says which files `keep` counts together."""
TAKEN_AT = "belfry_taken_at"
"""The property that says, in ISO 8601 with its offset, when the backup was taken: a copy may be
made later, but is not younger for that."""
_MARK, _SHA256, _BESIDE = "belfry", "belfry_sha256", "belfry_beside"
_PROPERTY = 124
"""Bytes of a property's key and value together (Drive's limit)."""

_SERVICE = "Google Drive"
_SCOPE = "https://www.googleapis.com/auth/drive"
_FOLDER = "application/vnd.google-apps.folder"
_FIELDS = "id,name,size,sha256Checksum,createdTime,appProperties"
_ALL_DRIVES = {"supportsAllDrives": "true"}
_CHUNK = 8 * 1024 * 1024
_TIMEOUT = (60, 60)
_LONGEST_PAUSE = 60.0
_SESSIONS = 5
"""Uploads of one file that are begun before it is given up."""

_SLOW_DOWN = (
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "sharingRateLimitExceeded",
    "dailyLimitExceeded",
)
_WHY = {
    "storageQuotaExceeded": "its storage quota is exceeded (storageQuotaExceeded). A service "
    "account has no quota of its own: GDRIVE_FOLDER_ID must be a folder on a shared drive, and "
    "that drive must have room",
    "teamDriveFileLimitExceeded": "the shared drive of GDRIVE_FOLDER_ID holds as many files as it "
    "may (teamDriveFileLimitExceeded)",
    "accessNotConfigured": "the Google Drive API is not enabled in the project of "
    "GDRIVE_SERVICE_ACCOUNT (accessNotConfigured)",
}


class _Again(Exception):
    """Worth another try, after so many seconds if the service said how many."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


class _SessionGone(Exception):
    """Drive knows the upload no more: it must begin anew."""


class _Forbidden(Refused):
    """403, and not for a limit."""


class _Unsaid(logging.Filter):
    """Takes uploads' ids out of log lines: who has one may write to that upload."""

    def filter(self, record: logging.LogRecord) -> bool:
        if hasattr(record, "httpRequest") or hasattr(record, "httpResponse"):
            return False  # google-auth's, with the whole of each
        if isinstance(record.args, tuple):
            record.args = tuple(
                re.sub(r"upload_id=[^&\s\"']+", "upload_id=***", arg)
                if isinstance(arg, str)
                else arg
                for arg in record.args
            )
        return True


_UNSAID = _Unsaid()


@dataclass(frozen=True, kw_only=True, slots=True)
class DriveFile:
    """A file that Belfry has put into the folder."""

    id: str
    name: str
    size: int
    sha256: str | None
    """Of its content, by Drive's own reckoning; None if it has not said."""
    created_at: datetime
    properties: Mapping[str, str]

    @property
    def whole(self) -> bool:
        """Whether its content is what was to be put there."""
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

    `check` is called between requests and while it waits; what it raises ends the call at once.
    Besides what they name, all methods raise `Misconfigured` (the folder, the key), `Refused`, and
    `Unavailable` when Drive has not answered well for `patience` seconds. Holds `chunk` bytes of a
    file at a time (a multiple of 256 KiB).
    """

    def __init__(
        self,
        settings: DriveSettings,
        *,
        chunk: int = _CHUNK,
        pause: float = 1.0,
        patience: float = 600.0,
    ) -> None:
        self._key = _key(settings)
        self._folder_id = settings.folder_id
        self._url = settings.url.rstrip("/")
        self._chunk, self._pause, self._patience = chunk, pause, patience
        self._shared_drive: str | None = None
        """Its id; None before the folder was looked at."""

    @staticmethod
    def of(settings: DriveSettings) -> Drive | None:
        """None if the settings name none. Raises `Misconfigured`."""
        if not settings.folder_id and not settings.service_account:
            return None
        return Drive(settings)

    @property
    def address(self) -> str:
        """The service account's, with which the folder must be shared."""
        return str(self._key["client_email"])

    def put(
        self,
        name: str,
        size: int,
        sha256: str,
        read: Read,
        check: Check,
        properties: Mapping[str, str],
    ) -> str:
        """Put a file into the folder, if the same is not there yet; its id.

        Its properties must have GROUP, and should have TAKEN_AT. Raises `Damaged` if what Drive
        then has is not what was read; that file is removed.
        """
        own = {**properties, _MARK: "1", _SHA256: sha256}
        for key, value in own.items():
            if len(f"{key}{value}".encode()) > _PROPERTY:
                raise Invalid(f"properties.{key}", f"with its value over {_PROPERTY} bytes")
        source = _Range(name, size, read)
        with self._wire(check) as wire:
            self._look(wire)
            metadata = {"name": name, "parents": [self._folder_id], "appProperties": own}
            for _ in range(_SESSIONS):
                file_id = self._there(wire, name, size, sha256)
                try:
                    file_id = file_id or _Upload(wire, source, self._chunk).run(
                        metadata, self._lost
                    )
                except _SessionGone:
                    continue
                self._compare(wire, file_id, name, size, sha256)
                return file_id
        raise Unavailable(_SERVICE, f"it lost the upload of {name} {_SESSIONS} times")

    def put_checksum(
        self, name: str, sha256: str, check: Check, properties: Mapping[str, str]
    ) -> str:
        """Put beside the file `name` what `sha256sum -c` reads; its id. `keep` removes both."""
        import hashlib

        shown = name.replace("\\", "\\\\").replace("\n", "\\n")
        mark = "" if shown == name else "\\"  # as sha256sum itself writes such names
        text = f"{mark}{sha256}  {shown}\n".encode()
        return self.put(
            checksum_name(name),
            len(text),
            hashlib.sha256(text).hexdigest(),
            lambda offset, length: text[offset : offset + length],
            check,
            {**properties, _BESIDE: "1"},
        )

    def files(self, check: Check, group: str | None = None) -> list[DriveFile]:
        """What was put into the folder and not removed, of one group or of all."""
        with self._wire(check) as wire:
            self._look(wire)
            return self._files(wire, {} if group is None else {GROUP: group})

    def remove(self, file: DriveFile, check: Check) -> None:
        """Remove a file, if it is still there."""
        with self._wire(check) as wire:
            self._remove(wire, file.id)

    def keep(self, count: int, group: str, check: Check) -> list[str]:
        """Remove all but the newest `count` of a group, and what lies beside them; their names.

        A file that is not whole is no copy: it counts for nothing, and is left for `put` to mend.
        The newest whole one stays, whatever `count` is.
        """
        with self._wire(check) as wire:
            self._look(wire)
            found = self._files(wire, {GROUP: group})
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
                # The backup itself last, so that what is broken off here is found again.
                for file in found:
                    if file.name == checksum_name(name) and _BESIDE in file.properties:
                        self._remove(wire, file.id)
                for file in backups[name]:
                    self._remove(wire, file.id)
            return old

    @cached_property
    def _credentials(self) -> Credentials:
        """They keep the token between calls. Raises `Misconfigured`."""
        from google.auth.exceptions import GoogleAuthError
        from google.oauth2.service_account import Credentials

        try:
            read = cast(Any, Credentials).from_service_account_info
            return cast("Credentials", read(self._key, scopes=[_SCOPE]))
        except (ValueError, TypeError, GoogleAuthError):
            text = "GDRIVE_SERVICE_ACCOUNT: its private_key cannot be read"
        raise Misconfigured(text)

    @contextmanager
    def _wire(self, check: Check) -> Iterator[_Wire]:
        import requests
        from google.auth.transport.requests import AuthorizedSession, Request

        for name in ("urllib3.connectionpool", "google.auth.transport.requests"):
            logging.getLogger(name).addFilter(_UNSAID)
        with (
            requests.Session() as tokens,
            cast(Any, AuthorizedSession)(
                self._credentials, auth_request=cast(Any, Request)(tokens)
            ) as http,
        ):
            try:
                yield _Wire(http, self._url, check, self._pause, self._patience)
            finally:
                _hang_up(tokens)
                _hang_up(http)

    def _look(self, wire: _Wire) -> None:
        """See once that the folder can be used, and on which shared drive it is."""
        if self._shared_drive is not None:
            return
        params = {**_ALL_DRIVES, "fields": "mimeType,trashed,driveId"}
        found = wire.get(f"/drive/v3/files/{quote(self._folder_id, safe='')}", params, self._lost)
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
        self, wire: _Wire, properties: Mapping[str, str], name: str | None = None
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
            page = wire.get("/drive/v3/files", params, self._lost)
            rows += map(DriveFile.of, page.get("files", []))
            if not page.get("nextPageToken"):
                return rows
            params["pageToken"] = page["nextPageToken"]

    def _there(self, wire: _Wire, name: str, size: int, sha256: str) -> str | None:
        """What an attempt before has put there; if it is damaged, it is removed."""
        for file in self._files(wire, {_SHA256: sha256}, name):
            if file.sha256 in (None, sha256) and file.size == size:
                return file.id
            self._remove(wire, file.id)
        return None

    def _compare(self, wire: _Wire, file_id: str, name: str, size: int, sha256: str) -> None:
        """Raises `Damaged`, after the file is removed."""
        path, params = f"/drive/v3/files/{file_id}", {**_ALL_DRIVES, "fields": _FIELDS}

        def look() -> DriveFile:
            gone = Damaged(f"{name}: Google Drive took it, and has it no more")
            file = DriveFile.of(wire.ask("GET", path, params, gone))
            if file.sha256 is None:
                raise _Again(f"it does not tell the SHA-256 of {name}")
            return file

        file = wire.patiently(look)
        if file.size == size and file.sha256 == sha256:
            return
        text = (
            f"{name}: {size} bytes with SHA-256 {sha256} were sent, "
            f"Google Drive has {file.size} with {file.sha256}"
        )
        try:
            self._remove(wire, file_id)
        except (Refused, Unavailable) as error:
            raise Damaged(f"{text}; it is still there: {error}") from error
        raise Damaged(text)

    def _remove(self, wire: _Wire, file_id: str) -> None:
        path, gone = f"/drive/v3/files/{file_id}", NotFound("the file is gone")
        try:
            try:
                wire.patiently(lambda: wire.ask("DELETE", path, _ALL_DRIVES, gone))
            except _Forbidden:  # a Content manager may only put it into the bin
                bin_it = {"trashed": True}
                wire.patiently(lambda: wire.ask("PATCH", path, _ALL_DRIVES, gone, bin_it))
        except NotFound:
            return


class _Wire:
    """Requests to Drive. What fails is told in our own words: the libraries' hold URLs, and an
    upload's URL is a secret."""

    def __init__(self, http: Any, url: str, check: Check, pause: float, patience: float) -> None:
        self.http = http
        self.url = url
        self._check, self._pause, self._patience = check, pause, patience

    def get(self, path: str, params: Mapping[str, str], missing: BelfryError) -> Mapping[str, Any]:
        """`ask`, patiently."""
        return self.patiently(lambda: self.ask("GET", path, params, missing))

    def ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        missing: Exception,
        body: Mapping[str, object] | None = None,
    ) -> Mapping[str, Any]:
        """One request; the object it answers. Raises `missing` for 404, `_Again`, `Refused`."""

        def request() -> Any:
            answer = self.http.request(
                method, self.url + path, params=params, json=body, timeout=_TIMEOUT
            )
            if answer.status_code >= 300:
                raise _failure(answer, missing)
            return answer.json() if answer.content else {}

        return cast(Mapping[str, Any], self.call(request, missing))

    def call(self, request: Callable[[], T], missing: Exception) -> T:
        """As `ask`, of a request that a library makes."""
        from google.auth.exceptions import RefreshError, TransportError
        from google.resumable_media import InvalidResponse
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        try:
            return request()
        except InvalidResponse as error:
            failure = _failure(error.response, missing)
            _forget(error)
        except RefreshError as error:
            failure = _no_token(error)
            _forget(error)
        except (RequestException, TransportError, HTTPError, ConnectionError) as error:
            failure = _Again(f"it did not answer ({type(error).__name__})")
            _forget(error)
        raise failure  # here, so that what it came from is not told with it

    def patiently(self, step: Callable[[], T]) -> T:
        """Try `step` until it does not raise `_Again`. Raises `Unavailable`."""
        began, pause = monotonic(), self._pause
        while True:
            self._check()
            try:
                return step()
            except _Again as error:
                why, asked = str(error), error.wait
            wait = pause if asked is None else asked
            if monotonic() - began + wait > self._patience:
                break
            self._rest(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)
        said = "" if asked is None else f", and asks to wait for {asked:.0f} s"
        raise Unavailable(_SERVICE, f"{why}{said}")

    def _rest(self, seconds: float) -> None:
        never, end = Event(), monotonic() + seconds
        while (left := end - monotonic()) > 0:
            self._check()
            never.wait(min(left, 0.25))


class _Upload:
    """One upload session. Until its last byte nothing is in the folder; a session that is left
    ends by itself after a week."""

    def __init__(self, wire: _Wire, source: _Range, chunk: int) -> None:
        from google.resumable_media import common
        from google.resumable_media import requests as media

        url = f"{wire.url}/upload/drive/v3/files?uploadType=resumable&supportsAllDrives=true"
        self._upload: Any = cast(Any, media).ResumableUpload(f"{url}&fields=id", chunk)
        # Its own retry sends a chunk again without asking how much of it came.
        self._upload._retry_strategy = cast(Any, common).RetryStrategy(max_retries=0)
        self._wire, self._source = wire, source
        self._unsure = False
        """Whether a chunk was sent and not answered well: then Drive must say what it has."""

    def run(self, metadata: Mapping[str, object], lost: Misconfigured) -> str:
        """To its end; the file's id. Raises `lost` if there is no folder, `_SessionGone`."""
        self._source.seek(0)
        self._wire.patiently(lambda: self._wire.call(lambda: self._begin(metadata), lost))
        gone = _SessionGone()
        while (file_id := self._wire.patiently(lambda: self._wire.call(self._send, gone))) is None:
            pass
        return file_id

    def _begin(self, metadata: Mapping[str, object]) -> None:
        kind, size = "application/octet-stream", self._source.size
        self._upload.initiate(self._wire.http, self._source, metadata, kind, size, timeout=_TIMEOUT)

    def _send(self) -> str | None:
        """Send a chunk; the file's id when Drive has all of it."""
        from google.resumable_media import InvalidResponse

        upload, http, size = self._upload, self._wire.http, self._source.size
        try:
            if self._unsure:
                upload.recover(http)
            self._unsure = True
            before = upload.bytes_uploaded
            if before >= size > 0:
                raise _Again("it has every byte, and does not end the upload")
            answer = upload.transmit_next_chunk(http, timeout=_TIMEOUT)
        except InvalidResponse as error:
            if error.response.status_code not in (200, 201):  # `recover` does not know an end
                raise
            return str(error.response.json()["id"])
        if upload.finished:
            return str(answer.json()["id"])
        if upload.bytes_uploaded <= before:
            raise _Again("it takes no bytes")
        self._source.seek(upload.bytes_uploaded)  # it may take less than it was sent
        self._unsure = False
        return None


class _Range:
    """A file to upload, as the library wants it, over reads of any of its ranges."""

    def __init__(self, name: str, size: int, read: Read) -> None:
        self.size = size
        self._name, self._read, self._at = name, read, 0

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int) -> None:
        self._at = offset

    def read(self, length: int) -> bytes:
        """Raises `Damaged` if there is less than was said."""
        length = min(length, self.size - self._at)
        content = self._read(self._at, length) if length else b""
        if len(content) != length:
            raise Damaged(f"{self._name}: {len(content)} bytes at {self._at}, not {length}")
        self._at += length
        return content


def _key(settings: DriveSettings) -> Mapping[str, str]:
    """The service account's key. Raises `Misconfigured`, and never shows it."""
    if not settings.folder_id:
        raise Misconfigured("GDRIVE_SERVICE_ACCOUNT is set, GDRIVE_FOLDER_ID is not; set both")
    if not settings.service_account:
        raise Misconfigured("GDRIVE_FOLDER_ID is set, GDRIVE_SERVICE_ACCOUNT is not; set both")
    try:
        key = json.loads(settings.service_account.reveal())
    except ValueError:
        key = None
    needed = ("client_email", "private_key", "token_uri")
    if not isinstance(key, dict) or not all(isinstance(key.get(name), str) for name in needed):
        raise Misconfigured(
            "GDRIVE_SERVICE_ACCOUNT is not a service account's key; it is the whole JSON that "
            f"Google Cloud gives for one, with {', '.join(needed)}"
        )
    return key


def _hang_up(session: Any) -> None:
    """Close a session's connections now; by itself it leaves that to the garbage collector."""
    for adapter in session.adapters.values():
        pools = adapter.poolmanager.pools
        for key in pools.keys():  # noqa: SIM118 (it is not iterable)
            if (pool := pools.get(key)) is not None:
                pool.close()


def _forget(error: BaseException | None) -> None:
    """Let go of an exception's frames: the library makes a circle of them, with the chunk in it."""
    while error is not None:
        error.__traceback__ = None
        error = error.__context__


def _quoted(text: str) -> str:
    """A string as Drive's queries write it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _failure(answer: Any, missing: Exception) -> Exception:
    """What an answer means that is no success."""
    status, reason = answer.status_code, _reason(answer)
    said = f"it answered {status} {reason}".rstrip()
    if reason in _WHY:
        return Refused(_SERVICE, _WHY[reason])
    if status in (404, 410):
        return missing
    if status in (308, 408, 416, 429) or status >= 500 or reason in _SLOW_DOWN:
        return _Again(said, _retry_after(answer))
    if status == 401:
        return Refused(_SERVICE, "it does not take the tokens of GDRIVE_SERVICE_ACCOUNT (401)")
    if status == 403:
        return _Forbidden(_SERVICE, f"{said}; the service account must be a Content manager")
    return Refused(_SERVICE, said)


def _reason(answer: Any) -> str:
    try:
        reason = answer.json()["error"]["errors"][0]["reason"]
    except (ValueError, LookupError, TypeError):
        return ""
    return reason if isinstance(reason, str) and re.fullmatch(r"\w{1,60}", reason) else ""


def _retry_after(answer: Any) -> float | None:
    """Seconds (RFC 9110, 10.2.3); a date is taken against the answer's own, not our clock."""
    given = answer.headers.get("Retry-After", "").strip()
    if given.isdecimal():
        return float(given)
    try:
        until = parsedate_to_datetime(given)
        return max(0.0, (until - parsedate_to_datetime(answer.headers["Date"])).total_seconds())
    except (ValueError, KeyError, TypeError):
        return None


def _no_token(error: Any) -> Exception:
    """`error`: google-auth's, whose second argument is the token endpoint's answer."""
    if error.retryable:
        return _Again("it gives no token now")
    answer = error.args[1] if len(error.args) > 1 else None
    word = answer.get("error") if isinstance(answer, dict) else None
    known = word if isinstance(word, str) and re.fullmatch(r"\w{1,60}", word) else "no token"
    return Refused(
        _SERVICE,
        f"it does not take the key GDRIVE_SERVICE_ACCOUNT ({known}); it may have been deleted or "
        "disabled, or this machine's clock may be wrong",
    )
