"""How requests are signed and dated: by the storage's time, if the machine's clock is wrong.

The service refuses a request whose date is 15 minutes off. So a machine whose clock jumped would
get no more answers, and could not even learn the right time. But a refusal also carries the time: a
request that was refused for its date is signed again, and sent once more.

https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shared.clock import Clock, SystemClock

if TYPE_CHECKING:
    from azure.core.pipeline.policies import HTTPPolicy

_REFUSED = 403
_STALE = timedelta(minutes=1)
"""If a request's date is further off than this, that may be why it was refused."""
_DEVELOPMENT = (
    "AccountName=devstoreaccount1;TableEndpoint=http://127.0.0.1:10002/devstoreaccount1;"
    "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;AccountKey="
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
"""What `UseDevelopmentStorage=true` stands for. The key is public, and the same for everyone.
https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string"""


@dataclass(frozen=True, slots=True)
class SharedKey:
    """An account's name, and its key in base64, as the portal shows it."""

    account: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Signature:
    """A shared access signature: what is added to the query of each request, without `?`."""

    query: str = field(repr=False)


def adding(signature: Signature) -> HTTPPolicy[Any, Any]:
    """A policy that adds the signature to a request's URL."""
    from azure.core.pipeline.policies import HTTPPolicy

    class Adding(HTTPPolicy[Any, Any]):
        def send(self, request: Any) -> Any:
            http = request.http_request
            if not http.url.endswith(signature.query):  # a further attempt has it
                http.url += f"{'&' if '?' in http.url else '?'}{signature.query}"
            return self.next.send(request)

    return Adding()


def parts(connection_string: str) -> dict[str, str]:
    """The values in a connection string, by their names in lower case."""
    text = connection_string
    if text.lower().startswith("usedevelopmentstorage=true"):
        text = _DEVELOPMENT
    pairs = (pair.partition("=") for pair in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def key_of(connection_string: str) -> SharedKey | None:
    """The account's key; None if the string has none, but a shared access signature."""
    said = parts(connection_string)
    name, key = said.get("accountname", ""), said.get("accountkey", "")
    return SharedKey(name, key) if name and key else None


def of_table(http: Any, date: str, resource: str) -> str:
    """The text to sign for a request to tables."""
    del http
    return f"{date}\n{resource}"


def of_queue(http: Any, date: str, resource: str) -> str:
    """The text to sign for a request to queues. It includes `Content-Type` if there is a body, and
    of the query only `comp`."""
    kind = http.headers.get("Content-Type", "")
    comp = "?comp=metadata" if "comp=metadata" in http.url else ""
    version = http.headers["x-ms-version"]
    return f"{http.method}\n\n{kind}\n\nx-ms-date:{date}\nx-ms-version:{version}\n{resource}{comp}"


def signing(
    key: SharedKey,
    clock: Clock | None = None,
    *,
    text_of: Callable[[Any, str, str], str] = of_table,
) -> HTTPPolicy[Any, Any]:
    """A policy that signs requests by Shared Key Lite. It comes after the retry policy, so it signs
    each attempt anew.

    Raises `ValueError` if the key is not base64.
    """
    from azure.core.pipeline.policies import HTTPPolicy

    secret, time = b64decode(key.key, validate=True), clock or SystemClock()

    class Signing(HTTPPolicy[Any, Any]):
        def send(self, request: Any) -> Any:
            http = request.http_request
            self._sign(http)
            answer = self.next.send(request)
            if answer.http_response.status_code == _REFUSED and is_misdated(http, time):
                self._sign(http)
                answer = self.next.send(request)
            return answer

        def _sign(self, http: Any) -> None:
            date = _dated(time)
            text = text_of(http, date, f"/{key.account}{urlsplit(http.url).path}")
            signature = b64encode(hmac.digest(secret, text.encode(), "sha256")).decode()
            http.headers["x-ms-date"] = date
            http.headers["Authorization"] = f"SharedKeyLite {key.account}:{signature}"

    return Signing()


def dating(clock: Clock, then: Callable[[Any], object] = lambda _: None) -> Callable[[Any], None]:
    """A hook for the SDK for blobs, which dates requests by the machine's clock. The hook corrects
    a wrong date before the request is signed, and then calls `then`."""

    def hook(request: Any) -> None:
        if is_misdated(request.http_request, clock):
            request.http_request.headers["x-ms-date"] = _dated(clock)
        then(request)

    return hook


def _dated(clock: Clock) -> str:
    return format_datetime(clock.now(), usegmt=True)


def is_misdated(http: Any, clock: Clock) -> bool:
    """Whether a request's date is too far from the present time."""
    try:
        date = parsedate_to_datetime(http.headers.get("x-ms-date", ""))
    except ValueError:
        return False
    return abs(date - clock.now()) > _STALE
