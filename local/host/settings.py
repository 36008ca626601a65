"""What the host reads: host.json, local.settings.json, and settings named in bindings.

As with the real host, `AzureFunctionsJobHost__extensions__queues__batchSize=4` in the environment
wins over `extensions.queues.batchSize` of host.json, and what the environment has wins over
local.settings.json.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

STORAGE = "AzureWebJobsStorage"
_OVERRIDE = "AzureFunctionsJobHost__"
_BODY_LIMIT = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"
_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d+)?")
_NAME = re.compile(r"%([^%]+)%")


class CannotStart(Exception):
    """The app, or what it is configured with, is not one that the real host would run whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueOptions:
    """`extensions.queues` of host.json; the defaults are those of the real host."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    """The next batch is fetched when no more than this many messages are being worked on."""
    visibility_timeout: timedelta = timedelta(0)
    """How long a message rests after its function failed."""
    max_dequeue_count: int = 5
    max_polling_interval: timedelta = timedelta(minutes=1)
    base64: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class HostJson:
    """The parts of host.json that this host acts on."""

    route_prefix: str = "api"
    function_timeout: timedelta | None = timedelta(minutes=30)
    queues: QueueOptions = QueueOptions()


def read_host_json(folder: Path, environ: Mapping[str, str]) -> HostJson:
    """host.json of the app in `folder`. Raises `CannotStart`."""
    file = folder / "host.json"
    try:
        document = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise CannotStart(f"{file} cannot be read: {error}") from None
    if not isinstance(document, dict) or document.get("version") != "2.0":
        raise CannotStart(f'{file} must be an object with "version": "2.0"')
    _override(document, environ)
    try:
        return _parse(document)
    except (ValueError, TypeError, AttributeError) as error:
        raise CannotStart(f"{file}: {error}") from None


def read_values(file: Path) -> dict[str, str]:
    """`Values` of a local.settings.json; nothing when there is no such file."""
    try:
        values = json.loads(file.read_text()).get("Values", {})
        return {str(name): str(value) for name, value in values.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        raise CannotStart(f"{file} cannot be read: {error}") from None


def resolve(text: str, environ: Mapping[str, str]) -> str:
    """`text` with each %NAME% replaced by that setting. Raises `KeyError` with a missing name."""
    return _NAME.sub(lambda found: environ[found[1]], text)


def body_limit(environ: Mapping[str, str]) -> int:
    """Bytes of a request's body; more are refused. Raises `CannotStart`."""
    text = environ.get(_BODY_LIMIT) or "104857600"
    if not (text.isascii() and text.isdigit()):
        raise CannotStart(f"{_BODY_LIMIT} is {text!r}; use a number of bytes")
    return int(text)


def span(text: object) -> timedelta:
    """A .NET time span: `hh:mm:ss`, with `d.` before and a fraction after where needed."""
    found = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise ValueError(f"{text!r} is not a time span; write hh:mm:ss")
    days, hours, minutes, seconds, fraction = found.groups()
    return timedelta(
        days=int(days or 0),
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds) + float(fraction or 0),
    )


def _override(document: dict[str, Any], environ: Mapping[str, str]) -> None:
    for name, value in environ.items():
        if not name.startswith(_OVERRIDE):
            continue
        *path, last = name.removeprefix(_OVERRIDE).split("__")
        target = document
        for part in path:
            target = target.setdefault(part, {})
        target[last] = value


def _parse(document: Mapping[str, Any]) -> HostJson:
    extensions = document.get("extensions", {})
    timeout = document.get("functionTimeout", "00:30:00")
    return HostJson(
        route_prefix=extensions.get("http", {}).get("routePrefix", "api").strip("/"),
        function_timeout=None if timeout in (None, "-1") else span(timeout),
        queues=_queues(extensions.get("queues", {})),
    )


def _queues(given: Mapping[str, Any]) -> QueueOptions:
    batch_size = int(given.get("batchSize", 16))
    if not 1 <= batch_size <= 32:
        raise ValueError(f"extensions.queues.batchSize is {batch_size}; use 1 to 32")
    encoding = given.get("messageEncoding", "base64")
    if encoding not in ("base64", "none"):
        raise ValueError(f"extensions.queues.messageEncoding is {encoding!r}; use base64 or none")
    longest = span(given.get("maxPollingInterval", "00:01:00"))
    if longest < timedelta(milliseconds=100):
        raise ValueError("extensions.queues.maxPollingInterval must be at least 100 ms")
    return QueueOptions(
        batch_size=batch_size,
        new_batch_threshold=int(given.get("newBatchThreshold", batch_size // 2)),
        visibility_timeout=span(given.get("visibilityTimeout", "00:00:00")),
        max_dequeue_count=int(given.get("maxDequeueCount", 5)),
        max_polling_interval=longest,
        base64=encoding == "base64",
    )
