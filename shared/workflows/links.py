"""The URLs by which an event is sent to a run from outside: the one place that makes and checks
them. Pure.

A URL is of one run and one event; an HMAC signs both. Whoever has it can send that event, and
nothing else. It opens nothing: what sends the event is a POST, since mail scanners open links.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode

from shared.workflows.model import EVENT, Definition, Step

PATH = "/events"
KEY = "workflow_events.key"
"""The secret of the app (`Meta.secret`) that signs the URLs."""


def token(key: bytes, run_id: str, name: str) -> str:
    """The URL's last part. Neither a run's id nor an event's name has a colon."""
    mac = hmac.new(key, f"event:{run_id}:{name}".encode(), hashlib.sha256).digest()
    return urlsafe_b64encode(mac).decode().rstrip("=")


def is_token(key: bytes, run_id: str, name: str, given: str) -> bool:
    """Whether that is the token of that run and event; compared in constant time."""
    return hmac.compare_digest(token(key, run_id, name).encode(), given.encode("utf-8", "replace"))


def path_of(key: bytes, run_id: str, name: str) -> str:
    """The URL without the app's address."""
    return f"{PATH}/{run_id}/{name}/{token(key, run_id, name)}"


def waiting(definition: Definition) -> list[Step]:
    """The steps that wait for an event."""
    return [one for one in definition.steps if one.call.task == EVENT]


def names(definition: Definition) -> list[str]:
    """The events that the steps wait for, each once."""
    return sorted({str(one.call.parameters.get("name")) for one in waiting(definition)})
