"""One HTTP request to a chat service.

Where the URL is the secret, three things could show it: the texts of requests' errors, which are
therefore not used; a redirect, which is not followed; and urllib3's log at DEBUG, which `hiding`
filters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.errors import BelfryError, Misconfigured, Unavailable
from shared.notifications.answers import failure
from shared.notifications.hiding import hidden, hide
from shared.settings import Secret

TIMEOUTS = (5, 20)
"""Seconds to connect, and to wait for each part of the answer."""
_PIECE = 16
"""A part of a URL with at least so many letters may be a secret."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A service's answer to a notification that it accepted."""

    text: str
    json: Mapping[str, Any] = field(default_factory=dict)


def post(
    service: str, url: Secret, body: Mapping[str, Any], secrets: Sequence[Secret] = ()
) -> Answer:
    """Post `body` as JSON; the answer, if it is a 2xx.

    Raises `Refused`, `Misconfigured`, `Unavailable` and `Later`, without the URL and `secrets`.
    """
    import requests

    problem: BelfryError
    try:
        path = requests.Request("POST", url.reveal()).prepare().path_url
        pieces = [Secret(one) for one in re.split(r"[/?&=]", path) if len(one) >= _PIECE]
        known = [*secrets, url, Secret(path), *pieces]
        hide("urllib3.connectionpool", known)
        answer = requests.post(url.reveal(), json=body, timeout=TIMEOUTS, allow_redirects=False)
        text = hidden(answer.text, known)
        if 200 <= answer.status_code < 300:
            return Answer(text, _json(answer))
        asked = _json(answer).get("parameters")
        seconds = asked.get("retry_after") if isinstance(asked, dict) else None  # Telegram's
        problem = failure(service, answer.status_code, text, answer.headers, seconds)
    except ValueError as error:  # all of requests' errors about URLs are one, and no others
        problem = Misconfigured(f"{service}: its URL in the settings is none ({_name(error)})")
    except requests.RequestException as error:
        problem = Unavailable(service, f"did not answer ({_name(error)})")
    raise problem  # not where it came from: the library's error shows the URL


def _json(answer: Any) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _name(error: Exception) -> str:
    return type(error).__name__
