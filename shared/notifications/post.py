"""One HTTP request to a service that takes JSON.

If the URL is a secret, three things could reveal it: the error texts of the library requests,
which are therefore not used; a redirect, which is not followed; and urllib3's log at DEBUG, which
`hiding` filters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared import tracing
from shared.errors import BelfryError, Misconfigured, Unavailable
from shared.notifications.answers import failure
from shared.notifications.hiding import hidden, hide
from shared.settings import Secret

TIMEOUTS = (5, 20)
"""Seconds to connect, and to wait for each part of the answer."""
_PIECE = 16
"""A part of a URL with at least this many characters may be a secret."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A service's answer to a notification that it accepted."""

    text: str
    json: Mapping[str, Any] = field(default_factory=dict)


def _unsigned(_body: bytes) -> Mapping[str, str]:
    return {}


def post(
    service: str,
    url: Secret,
    body: Mapping[str, Any],
    secrets: Sequence[Secret] = (),
    signed: Callable[[bytes], Mapping[str, str]] = _unsigned,
) -> Answer:
    """Post `body` as JSON; the answer, if it is a 2xx. `signed` makes further headers from the
    bytes of the body.

    Raises `Refused`, `Misconfigured`, `Unavailable` or `Later`. Their texts contain neither the URL
    nor `secrets`.
    """
    import requests

    problem: BelfryError
    try:
        path = requests.Request("POST", url.reveal()).prepare().path_url
        pieces = [Secret(one) for one in re.split(r"[/?&=]", path) if len(one) >= _PIECE]
        known = [*secrets, url, Secret(path), *pieces]
        hide("urllib3.connectionpool", known)
        raw = json.dumps(body, allow_nan=False).encode()
        headers = {"Content-Type": "application/json", **signed(raw)}
        with tracing.call("POST", url.reveal()) as call:
            answer = requests.post(
                url.reveal(), data=raw, headers=headers, timeout=TIMEOUTS, allow_redirects=False
            )
            call.answered(answer.status_code)
        text = hidden(answer.text, known)
        if 200 <= answer.status_code < 300:
            return Answer(text, _json(answer))
        asked = _json(answer).get("parameters")
        seconds = asked.get("retry_after") if isinstance(asked, dict) else None  # Telegram's
        problem = failure(service, answer.status_code, text, answer.headers, seconds)
    except ValueError as error:  # what requests raises for a bad URL, and for nothing else
        problem = Misconfigured(f"{service}: its URL in the settings is none ({_name(error)})")
    except requests.RequestException as error:
        problem = Unavailable(service, f"did not answer ({_name(error)})")
    raise problem  # outside `except`, so that the library's error, which shows the URL, is dropped


def _json(answer: Any) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _name(error: Exception) -> str:
    return type(error).__name__
