"""Requests to Google Drive, retried while that may help. Failures are reported in our own words:
what the libraries raise and log contains URLs, and an upload's URL is a secret.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from operator import methodcaller
from typing import TYPE_CHECKING, Any, TypeVar, cast

from shared import tracing
from shared.clock import Clock
from shared.errors import Refused, Unavailable

if TYPE_CHECKING:
    from google.oauth2.service_account import Credentials

T = TypeVar("T")
Check = Callable[[], None]
"""Called between requests and during waits; what it raises ends the call."""

SERVICE = "Google Drive"
_TIMEOUT = (60, 60)
_PATIENCE = 600.0
"""Seconds for which one step is retried."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
"""Seconds before the second try, doubled for each after it, and at most."""
_LOOK = 0.25
"""Seconds between two calls of `check` during a wait."""
_GOOD = (200, 201, 204, 308)
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


class Again(Exception):
    """Worth another try; `wait`: after how many seconds, if the service said so."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


class Forbidden(Refused):
    """403 for a reason other than a rate limit."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request that succeeded."""

    status: int
    """2xx, or 308 (an upload that is not complete yet)."""
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    """The JSON of the answer; empty if it has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """An open session with Drive."""

    http: Any
    """google-auth's `AuthorizedSession`."""
    url: str
    """The API's URL, without a slash at its end."""
    clock: Clock
    check: Check

    def ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        missing: Exception,
        body: Mapping[str, object] | None = None,
    ) -> Mapping[str, Any]:
        """Make a request of the API, with retries, and return the answer's JSON. Raises `missing`
        for 404, `Refused`, `Unavailable`."""
        url = self.url + path
        return self.patiently(
            lambda: self.send(method, url, missing, params=params, json=body).body
        )

    def send(self, method: str, url: str, missing: Exception, **content: object) -> Answer:
        """Make one request. Raises `missing` for 404 and 410, `Again`, `Refused`."""
        from google.auth.exceptions import RefreshError, TransportError
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        try:
            with tracing.call(method, url) as call:
                answer = self.http.request(method, url, timeout=_TIMEOUT, **content)
                call.answered(answer.status_code)
            if answer.status_code in _GOOD:
                told = answer.content and answer.status_code < 300
                return Answer(answer.status_code, answer.headers, answer.json() if told else {})
            failure = _failure(answer, missing)
        except RefreshError as error:
            failure = _no_token(error)
        except (RequestException, TransportError, HTTPError) as error:
            failure = Again(f"it did not answer ({type(error).__name__})")
            _forget(error)
        try:
            raise failure  # outside of `except`, so that the library's error is not chained to it
        finally:
            del failure  # it refers to this frame, and so to the chunk

    def patiently(self, step: Callable[[], T]) -> T:
        """Try `step` until it does not raise `Again`. Raises `Unavailable`."""
        began, pause = self.clock.monotonic(), _FIRST_PAUSE
        while True:
            self.check()
            try:
                return step()
            except Again as error:
                why, asked = str(error), error.wait
            wait = pause if asked is None else asked
            if self.clock.monotonic() - began + wait > _PATIENCE:
                break
            self._rest(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)
        said = "" if asked is None else f", and asks to wait for {asked:.0f} s"
        raise Unavailable(SERVICE, f"{why}{said}")

    def _rest(self, seconds: float) -> None:
        end = self.clock.monotonic() + seconds
        while (left := end - self.clock.monotonic()) > 0:
            self.check()
            self.clock.sleep(timedelta(seconds=min(left, _LOOK)))


@contextmanager
def session(credentials: Credentials) -> Iterator[Any]:
    """google-auth's `AuthorizedSession`, open for the block."""
    import requests
    from google.auth.transport.requests import AuthorizedSession, Request

    for name in ("urllib3.connectionpool", "google.auth.transport.requests"):
        logging.getLogger(name).addFilter(_unsaid)
    with (
        requests.Session() as tokens,
        cast(Any, AuthorizedSession)(credentials, auth_request=cast(Any, Request)(tokens)) as http,
    ):
        for adapter in [*tokens.adapters.values(), *http.adapters.values()]:
            # By default urllib3 leaves closing a session's connections to the garbage collector.
            cast(Any, adapter).poolmanager.pools.dispose_func = methodcaller("close")
        yield http


def _forget(error: BaseException | None) -> None:
    """Drop an error's tracebacks: urllib3 makes a reference cycle that keeps the chunk alive."""
    while error is not None:
        error.__traceback__ = None
        error = error.__context__


def _unsaid(record: logging.LogRecord) -> bool:
    """A log filter that masks upload ids: whoever has one can write to that upload."""
    if hasattr(record, "httpRequest") or hasattr(record, "httpResponse"):
        return False  # google-auth logs the whole request or response
    if isinstance(record.args, tuple):
        record.args = tuple(
            re.sub(r"upload_id=[^&\s\"']+", "upload_id=***", arg) if isinstance(arg, str) else arg
            for arg in record.args
        )
    return True


def _failure(answer: Any, missing: Exception) -> Exception:
    """The error for an answer that is no success."""
    status, reason = answer.status_code, _reason(answer)
    said = f"it answered {status} {reason}".rstrip()
    if reason in _WHY:
        return Refused(SERVICE, _WHY[reason])
    if status in (404, 410):
        return missing
    if status in (408, 416, 429) or status >= 500 or reason in _SLOW_DOWN:
        return Again(said, _retry_after(answer))
    if status == 401:
        return Refused(SERVICE, "it does not take the tokens of GDRIVE_SERVICE_ACCOUNT (401)")
    if status == 403:
        return Forbidden(SERVICE, f"{said}; the service account must be a Content manager")
    return Refused(SERVICE, said)


def _reason(answer: Any) -> str:
    try:
        return _word(answer.json()["error"]["errors"][0]["reason"])
    except (ValueError, LookupError, TypeError):
        return ""


def _word(given: object) -> str:
    """`given` if it is a single word, as services name a reason; else empty."""
    return given if isinstance(given, str) and re.fullmatch(r"\w{1,60}", given) else ""


def _retry_after(answer: Any) -> float | None:
    """Retry-After in seconds (RFC 9110, 10.2.3); a date is compared with the answer's own date,
    not with our clock."""
    given = answer.headers.get("Retry-After", "").strip()
    if given.isdecimal():
        return float(given)
    try:
        until = parsedate_to_datetime(given)
        return max(0.0, (until - parsedate_to_datetime(answer.headers["Date"])).total_seconds())
    except (ValueError, KeyError, TypeError):
        return None


def _no_token(error: Any) -> Exception:
    """The error for a failed token request. The second argument of `error`, which is google-auth's,
    is the token endpoint's answer."""
    if error.retryable:
        return Again("it gives no token now")
    answer = error.args[1] if len(error.args) > 1 else None
    known = _word(answer.get("error")) if isinstance(answer, dict) else ""
    return Refused(
        SERVICE,
        f"it does not take the key GDRIVE_SERVICE_ACCOUNT ({known or 'no token'}); it may have "
        "been deleted or disabled, or this machine's clock may be wrong",
    )
