"""What a health check found, and how its target stands. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Standing(StrEnum):
    """How a target stands, or what one look at it found; that is never `unknown`."""

    UNKNOWN = "unknown"
    """Nothing is decided yet."""
    UP = "up"
    DEGRADED = "degraded"
    """As expected, but slow."""
    DOWN = "down"


SAID = 500
"""The longest message of a result, in characters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What one look found."""

    status: Standing
    milliseconds: float | None = None
    """How long it took; None if nothing came back."""
    said: str = ""
    """What is wrong, or what came back; for people of the check's project alone."""
    facts: Mapping[str, str | int | float] = field(default_factory=dict)
    """What else is known, such as `http_status` or `days_left`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """A result in the history."""

    job_id: str
    at: datetime
    """When it was looked."""
    measured: Measured


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """An event: a target went up, down, or slow."""

    at: datetime
    before: Standing
    after: Standing
    said: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """How a target stands after all results so far."""

    status: Standing = Standing.UNKNOWN
    since: datetime | None = None
    """Since when it has that status."""
    failing: int = 0
    """How many results in a row were down."""
    passing: int = 0
    """How many in a row were not."""
    slow: int = 0
    """How many in a row were slow."""
    quick: int = 0
    """How many in a row were up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thresholds:
    """How many results in a row it takes until the status follows."""

    down: int = 1
    up: int = 1
