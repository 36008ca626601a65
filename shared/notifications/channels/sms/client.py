"""Twilio's client, as Belfry needs it. Importing this imports Twilio's library.

- One try, with time limits; retries are Belfry's own. Twilio gives up at about 30 s itself, so a
  client that waits longer learns most outcomes.
- The library's errors keep no headers, so the last answer is kept here, for `Retry-After`.
- The library logs URLs, whose queries hold phone numbers, and headers: that is turned off.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from shared import tracing
from shared.notifications.hiding import hide, hide_pattern
from shared.settings import Secret

_PATHS = re.compile(r"/2010-04-01/\S+")
"""What urllib3 logs at DEBUG: paths with the account, and the number that is looked for."""
_NO_EDGE = {"TWILIO_EDGE": "", "TWILIO_REGION": ""}
"""In the place of this process's environment, which the library would read."""


class Http(TwilioHttpClient):  # type: ignore[misc]
    """The HTTP client of one call."""

    def __init__(self, session: Any, timeouts: tuple[float, float]) -> None:
        super().__init__(pool_connections=False)
        self.session = session
        self.timeout = timeouts
        self.answer: Any = None
        """The last answer; None: there was none."""

    def request(self, method: str, url: str, *given: Any, **named: Any) -> Any:
        self.answer = None
        with tracing.call(method, url) as call:
            self.answer = super().request(method, url, *given, **named)
            call.answered(self.answer.status_code)
        return self.answer

    def log_request(self, kwargs: Any) -> None:
        """Log nothing."""

    def log_response(self, status_code: int, response: Any) -> None:
        """Log nothing."""


def client(account: str, token: Secret, url: str, http: Http) -> Any:
    """The client of one call."""
    hide("urllib3.connectionpool", [token])
    hide_pattern("urllib3.connectionpool", _PATHS)
    made = Client(account, token.reveal(), http_client=http, environment=_NO_EDGE)
    made.api.base_url = url
    return made


@functools.cache
def session() -> Any:
    """The connections of this process to Twilio. requests tries nothing again by itself."""
    import requests

    return requests.Session()
