"""What happens when storage fails: one policy for Belfry's own requests (`rest`) and the SDKs'.

1. A request is tried again if there was no connection, the connection was lost, the answer was cut
   off, or the status was 408, 429 or 5xx: at once, then after 0.4 and 0.8 s. `Retry-After` is
   obeyed, up to `LONGEST_PAUSE`.
2. If that does not help, the error is `Unavailable`. Each caller tries again in its own time; a
   worker, until its lease has ended.
3. If the service would refuse the request again, the error is `Refused`.
4. 404, 409 and 412 mean that somebody else was faster. If an earlier attempt's answer was lost,
   that may have been this very write. So the writer checks whether the stored row is its own.

Nothing but a `BelfryError` leaves this package.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from shared.clock import Clock, SystemClock
from shared.errors import Refused, Unavailable
from shared.storage.checked import CheckedClock
from shared.storage.counted import Service, count

TIMEOUTS: dict[str, float] = {"connection_timeout": 5, "read_timeout": 20}
"""The limits of one attempt, in seconds."""
WHOLE = 30.0
"""No attempt begins later than this many seconds after the first. Together with `read_timeout`,
this is less than what is left of a lease when it is renewed."""
RETRIES: dict[str, Any] = {"retry_total": 3, "retry_backoff_factor": 0.2, "retry_backoff_max": 2}
LONGEST_PAUSE = 5.0

_PAUSES = {"Retry-After": 1, "retry-after-ms": 1000, "x-ms-retry-after-ms": 1000}
"""The headers that azure-core obeys, and how many of the header's units are a second."""
_ADDRESS = re.compile(r"host='([^']+)', port=(\d+)")
"""An address, as urllib3 writes it in its errors."""
_ROLES = {
    "blob": "Storage Blob Data Contributor",
    "queue": "Storage Queue Data Contributor",
    "table": "Storage Table Data Contributor",
}
"""The least role with which the app can use a service, by the first word of what errors call it."""
_FINAL = frozenset({400, 401, 403, 405, 411, 413, 414, 415, 501, 505})
"""Statuses for which another attempt is useless. 404 (no table) is not one of them: somebody may be
creating the table at this moment."""


@contextmanager
def translated(service: str) -> Iterator[None]:
    """Turn what the SDK raises into `Refused` or `Unavailable`, naming the service."""
    from azure.core import exceptions as azure

    try:
        yield
    except azure.HttpResponseError as error:
        reason = f"{error.status_code} {_code(error)}"
        if error.status_code in (401, 403):
            raise Refused(service, f"no permission ({reason}){_remedy(service, error)}") from error
        if error.status_code in _FINAL:
            raise Refused(service, f"answered {reason}") from error
        raise Unavailable(service, f"answered {reason}") from error
    except azure.AzureError as error:
        raise Unavailable(service, f"did not answer ({_where(error)})") from error


def _remedy(service: str, error: Any) -> str:
    """What to do about a refusal, such as which role is missing on which account; empty if its code
    does not tell.

    https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes
    """
    account = _account(error.response)
    role = _ROLES.get(service.partition(" ")[0])
    remedies = {
        "AuthorizationPermissionMismatch": (
            f"the app's identity needs the role {role} on {account}; one that was just given takes "
            "up to ten minutes"
        ),
        "AuthorizationFailure": (
            f"the firewall of {account} does not let the app in, or the app's identity has no role "
            f"there ({role})"
        ),
        "KeyBasedAuthenticationNotPermitted": (
            f"{account} takes no keys; set NAME__accountName and NAME__clientId instead of a "
            "connection string"
        ),
    }
    found = remedies.get(_code(error))
    return f": {found}" if found else ""


def _account(answer: Any) -> str:
    """The storage account that answered, as its URL names it: in its host, with an address (of an
    emulator) in its path, or only by a domain."""
    parts = urlsplit(str(getattr(getattr(answer, "request", None), "url", "")))
    host, path = parts.hostname or "", parts.path.strip("/").partition("/")[0]
    if any(f".{service}." in host for service in _ROLES):
        name = host.partition(".")[0]
    else:
        name = path if host.replace(".", "").isdigit() else host
    return f"the storage account {name}"


def _where(error: Exception) -> str:
    """The error's class, and the address in its text, if there is one."""
    named = _ADDRESS.search(str(error))
    at = f" at {named[1]}:{named[2]}" if named is not None else ""
    return f"{type(error).__name__}{at}"


def _read_whole(answer: Any) -> None:
    """Read an answer to its end, to free its connection. The SDK itself does not always do so: not
    for a download that it retries, nor for an empty blob."""
    from azure.core.exceptions import ServiceResponseError
    from requests import RequestException

    try:
        _ = answer.content  # requests keeps it, so that it can be read again
    except RequestException as error:
        raise ServiceResponseError(f"the answer was cut: {error}", error=error) from error


def _code(error: Any) -> str:
    """The service's error code, such as ServerBusy."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or error.reason)


def shortened_pauses(headers: Any) -> None:
    """Limit the pause that an answer's headers ask for to `LONGEST_PAUSE`."""
    for name in _PAUSES:
        if name in headers:
            headers[name] = _shortened(headers[name], _PAUSES[name])


def _shortened(pause: str, second: int) -> str:
    """At most `LONGEST_PAUSE`, and exactly that if `pause` is not a number. Storage never sends an
    instant, and azure-core fails on one that it cannot read."""
    longest = LONGEST_PAUSE * second
    try:
        return str(min(float(pause), longest))
    except ValueError:
        return str(longest)


def head_was_cut(status: int, headers: Any) -> bool:
    """Whether the headers of a successful answer were cut off, which no lower layer notices. The
    service writes `Date` near their end, so a whole one shows that they are complete."""
    return status < 300 and not headers.get("Date", "").endswith("GMT")


def transport(
    clock: CheckedClock | None = None, counts: Service | None = "blobs", /, **options: Any
) -> Any:
    """The SDKs' transport, changed in three ways: it treats an answer that was cut off as a lost
    connection, it tells `clock` the storage's time, and its requests are counted, as `counts`
    (None: they are not).

    azure-core itself would take such an answer for the service's, and not retry the request.
    """
    from azure.core.exceptions import HttpResponseError, ServiceResponseError
    from azure.core.pipeline.transport import RequestsTransport

    steady: Clock = clock or SystemClock()

    class Careful(RequestsTransport):  # type: ignore[misc]
        def send(self, request: Any, **options: Any) -> Any:
            began = steady.monotonic()
            if counts is not None:
                count(counts)
            try:
                answer = super().send(request, **options)
            except HttpResponseError as error:
                raise ServiceResponseError(f"the answer was cut: {error}", error=error) from error
            if clock is not None:  # a 403 may mean that the request's date was wrong
                refused, took = answer.status_code == 403, steady.monotonic() - began
                clock.hear(answer.headers.get("Date"), took, at_once=refused)
            if head_was_cut(answer.status_code, answer.headers):
                answer.internal_response.close()
                raise ServiceResponseError("the answer's head was cut")
            unread = answer.status_code >= 400 or answer.headers.get("Content-Length") == "0"
            if unread and options.get("stream"):
                _read_whole(answer.internal_response)
            shortened_pauses(answer.headers)
            return answer

    return Careful(**options)
