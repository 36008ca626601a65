"""A table service that says what a test tells it to, under the SDKs' real transport."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from shared.storage.checked import CheckedClock
from shared.storage.rest import Rest
from shared.storage.signing import SharedKey
from shared.storage.tables.table import Table, unwrapping

KEY = SharedKey("acct", "c2VjcmV0IG9mIGEgdGVzdA==")
URL = "https://acct.table.core.windows.net"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def __or__(self, headers: dict[str, str]) -> Answer:
        return Answer(self.status, self.body, self.headers | headers)


class Service(HTTPAdapter):
    """Gives its answers in order, and keeps what it was asked."""

    def __init__(self, *answers: Answer | Exception) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[requests.PreparedRequest] = []
        self.timeouts: list[Any] = []
        self.slept: list[float] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        self.asked.append(request.copy())
        self.timeouts.append(options["timeout"])
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        raw = HTTPResponse(
            body=io.BytesIO(answer.body),
            status=answer.status,
            headers=answer.headers,
            preload_content=False,
        )
        return self.build_response(request, raw)

    def wire(
        self, credential: Any = KEY, url: str = URL, clock: CheckedClock | None = None
    ) -> Table:
        transport = _Sleepless(self.session(), self.slept)
        rest = Rest(url, "table", credential, unwrapping(), transport=transport, clock=clock)
        return Table(rest, "tests")

    def session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", self)
        session.mount("http://", self)
        return session


class _Sleepless(RequestsTransport):  # type: ignore[misc]
    def __init__(self, session: requests.Session, slept: list[float]) -> None:
        super().__init__(session=session)
        self._slept = slept

    def sleep(self, duration: float) -> None:
        self._slept.append(duration)


def batch(*parts: str) -> Answer:
    """A transaction's answer, as Microsoft's page shows it."""
    opening = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    changes = "".join(f"--changesetresponse_1\r\n{opening}{part}\r\n" for part in parts)
    body = (
        "--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n"
        f"{changes}--changesetresponse_1--\r\n--batchresponse_1--\r\n"
    )
    headers = {"Content-Type": "multipart/mixed; boundary=batchresponse_1"}
    return Answer(202, body.encode(), headers)


def written(etag: str = "", name: str = "ETag") -> str:
    end = f"{name}: {etag}\r\n" if etag else ""
    return (
        "HTTP/1.1 204 No Content\r\nContent-ID: 0\r\nX-Content-Type-Options: nosniff\r\n"
        "Cache-Control: no-cache\r\nPreference-Applied: return-no-content\r\n"
        f"DataServiceVersion: 3.0;\r\n{end}\r\n"
    )


def refused(status: int, code: str, message: str) -> str:
    return (
        f"HTTP/1.1 {status} Reason\r\nContent-ID: 1\r\nX-Content-Type-Options: nosniff\r\n"
        "Content-Type: application/json;odata=minimalmetadata;streaming=true;charset=utf-8\r\n\r\n"
        f"{error(code, message)}\r\n"
    )


def error(code: str, message: str = "no") -> str:
    return (
        f'{{"odata.error":{{"code":"{code}","message":{{"lang":"en-US","value":"{message}\\n'
        'RequestId:1\\nTime:2026-01-01T00:00:00Z"}}}'
    )
