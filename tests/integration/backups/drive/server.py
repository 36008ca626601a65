"""A server that speaks what Belfry needs of Google Drive v3 and of Google's token endpoint, over a
real socket, and fails as a test tells it to.

As Drive does: an upload is no file before its last byte; chunks are of whole 256 KiB but the last;
what came of a broken chunk is kept in whole 256 KiB; a Content manager may bin, not delete.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from google.auth import jwt

from tests.integration.backups.drive.service import (
    ADDRESS,
    AUDIENCE,
    PUBLIC_KEY,
    SHARED_DRIVE,
    UNIT,
    DriveServer,
    Fault,
    Session,
)
from tests.serving import serving


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5
    disable_nagle_algorithm = True
    drive: DriveServer

    def log_message(self, format: str, *args: Any) -> None:
        """Not told: what was asked is in `requests`; only whether `timeout` ended a connection."""
        self.drive.left_open += "timed out" in format % args

    def _any(self) -> None:
        drive, parts = self.drive, urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.route = unquote(parts.path)
        self.unread = int(self.headers.get("Content-Length") or 0)
        with drive.lock:
            drive.requests.append((self.command, self.route))
            self.fault = self._fault()
        if self.fault is not None and self.fault.action is not None:
            self.fault.action()
        if self.fault is not None and self.fault.status:
            self._error(self.fault.status, self.fault.reason, self.fault.headers)
        elif self.route == "/token":
            self._token()
        elif self.headers.get("Authorization", "").removeprefix("Bearer ") not in drive.tokens:
            self._error(401, "authError")
        elif self.query.get("supportsAllDrives") != "true" and "upload_id" not in self.query:
            self._error(404, "notFound")  # as if there were no shared drive
        elif self.route == "/upload/drive/v3/files":
            self._begin() if self.command == "POST" else self._chunk()
        elif self.route == "/drive/v3/files":
            self._list()
        else:
            self._one(self.route.removeprefix("/drive/v3/files/"))

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _any

    def _fault(self) -> Fault | None:
        for fault in self.drive.faults:
            if fault.method != self.command or not re.search(fault.path, self.path):
                continue
            if fault.after:
                fault.after -= 1
                continue
            fault.times -= 1
            if not fault.times:
                self.drive.faults.remove(fault)
            return fault
        return None

    def _token(self) -> None:
        assertion = parse_qs(self._body().decode())["assertion"][0]
        if self.drive.token_error is not None:
            status, word = self.drive.token_error
            self._answer(status, {"error": word, "error_description": f"for {assertion}"})
            return
        claims = cast(Any, jwt).decode(assertion, certs=PUBLIC_KEY, audience=AUDIENCE)
        assert claims["iss"] == ADDRESS
        assert claims["scope"] == "https://www.googleapis.com/auth/drive"
        with self.drive.lock:
            self.drive.issued += 1
            token = f"ya29.{uuid.uuid4().hex}"
            self.drive.tokens.add(token)
        self._answer(200, {"access_token": token, "expires_in": 3600, "token_type": "Bearer"})

    def _begin(self) -> None:
        metadata = json.loads(self._body())
        assert self.query["uploadType"] == "resumable"
        if not set(metadata["parents"]) <= set(self.drive.folders):
            self._error(404, "notFound")
            return
        upload_id = f"secret-{uuid.uuid4().hex}"
        size = int(self.headers["X-Upload-Content-Length"])
        with self.drive.lock:
            self.drive.sessions[upload_id] = Session(metadata, size)
        location = f"{self.drive.url}{self.path}&upload_id={upload_id}"
        self._answer(200, None, {"Location": location})

    def _chunk(self) -> None:
        session = self.drive.sessions[self.query["upload_id"]]
        given = self.headers["Content-Range"]
        if session.done is None and (match := re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", given)):
            start, end, size = (int(one) for one in match.groups())
            assert size == session.size
            assert self.unread == end + 1 - start
            assert end + 1 == size or self.unread % UNIT == 0
            if start != session.kept:
                self._error(416, "wrongStart")
                return
            if not self._take(session, start):
                return
        if session.done is None and session.kept == session.size:
            self.drive.finish(session)
        if session.done is not None:
            self._answer(200, {"id": session.done.id})
        else:
            kept = {"Range": f"bytes=0-{session.kept - 1}"} if session.kept else {}
            self._answer(308, None, kept)

    def _take(self, session: Session, start: int) -> bool:
        """Read a chunk; whether all of it came."""
        cut = self.fault.cut_at if self.fault is not None else None
        came, most = 0, self.unread if cut is None else cut
        takes = self.fault.takes if self.fault is not None else None
        taken = self.unread if takes is None else takes
        while came < most:
            piece = self.rfile.read(min(UNIT, most - came))
            came += len(piece)
            self.unread -= len(piece)
            if (len(piece) == UNIT or not self.unread) and came <= taken:
                session.kept += len(piece)
                session.hashed.update(piece)
                if self.drive.keeps_content:
                    session.content += piece
        with self.drive.lock:
            self.drive.chunks.append((start, came))
        if cut is not None:
            self._reset()
        return cut is None

    def _list(self) -> None:
        query = self.query
        if query.get("includeItemsFromAllDrives") != "true":
            self._answer(200, {"files": []})
            return
        assert query.get("corpora") == "drive"
        assert query.get("driveId") == SHARED_DRIVE
        try:
            found = self.drive.search(query["q"])
        except ValueError:
            self._error(400, "invalid")
            return
        except LookupError:
            self._error(404, "notFound")
            return
        begin = int(query.get("pageToken", "0"))
        end = begin + min(self.drive.page_size, int(query["pageSize"]))
        page: dict[str, Any] = {"files": [item.to_json() for item in found[begin:end]]}
        if end < len(found):
            page["nextPageToken"] = str(end)
        self._answer(200, page)

    def _one(self, file_id: str) -> None:
        drive = self.drive
        if file_id in drive.folders and self.command == "GET":
            self._answer(200, drive.folders[file_id])
            return
        if file_id not in drive.items:
            self._error(404, "notFound")
            return
        item = drive.items[file_id]
        if self.command == "GET":
            told = item.to_json()
            if drive.checksum_late:
                drive.checksum_late -= 1
                told.pop("sha256Checksum")
            self._answer(200, told)
        elif self.command == "PATCH":
            item.trashed = json.loads(self._body())["trashed"]
            self._answer(200, {"id": item.id})
        elif not drive.may_delete:
            self._error(403, "insufficientFilePermissions")
        else:
            del drive.items[file_id]
            self._answer(204, None)

    def _body(self) -> bytes:
        body = self.rfile.read(self.unread)
        self.unread = 0
        return body

    def _error(self, status: int, reason: str, headers: Mapping[str, str] | None = None) -> None:
        told = {"code": status, "message": f"{self.path}", "errors": [{"reason": reason}]}
        self._answer(status, {"error": told}, headers)

    def _answer(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        self._body()
        if self.fault is not None and self.fault.unanswered:
            self._reset()
            return
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response_only(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _reset(self) -> None:
        """Break the connection off, so that the other side sees a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


@contextmanager
def running() -> Iterator[DriveServer]:
    """A server on a free port, empty."""
    drive = DriveServer()
    handler = type("Handler", (_Handler,), {"drive": drive})
    with serving(handler, waits=True) as drive.url:
        yield drive
    assert not drive.left_open
