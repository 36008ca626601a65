"""What an alert is: a problem with a beginning and an end, or a group of events of one kind.

    problem   open ──> resolved ──> open again, within `REOPENED` ──> ...
    group     open while events come ──> resolved, after `QUIET` without one

Kind and subject (`about`) identify the alert that people can be told of at one time; a group has no
subject of its own. What was told is a part of it. What is to be told (`pending`) is stored before
anybody is told, so it is not lost if the process is killed.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.alerts.kinds import KINDS, Severity, docs
from shared.alerts.port import AlertKind

ABOUT = 200
TEXT = 2_000
"""The longest subject and text that are kept, in units of UTF-16."""
NAMES = 20
"""How many of a group's subjects are named."""

MOST = 2**31 - 1
"""The largest count that a row holds."""

_FAR = 9_999_999_999_999
_ID = re.compile(r"[0-9]{13}-([0-9a-f]{32})")


class AlertState(StrEnum):
    """Whether it lasts."""

    OPEN = "open"
    RESOLVED = "resolved"


class Word(StrEnum):
    """What people are told of it."""

    OPENED = "opened"
    AGAIN = "again"
    """It was told to be over, and is not."""
    WORSE = "worse"
    MORE = "more"
    """More events of a group."""
    REMINDER = "reminder"
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Telling:
    """What is to be told, in words."""

    number: int
    """Of its alert, from 1 on. An alert's id and this number are what the outbox knows it by."""
    word: Word
    subject: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """One subject of a group of events."""

    about: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """A problem, or a group of events."""

    kind: AlertKind
    about: str
    """What has the problem; empty for a group."""
    opened_at: datetime
    state: AlertState
    since: datetime
    """Since when it has been in that state; of a group: when its last event came."""
    text: str
    """What was said of it last."""
    count: int = 1
    """How often the problem began, or how many events there were."""
    level: int = 0
    """How bad the problem is, as its caller counts."""
    names: tuple[Named, ...] = ()
    """The first subjects of a group, at most `NAMES`."""
    tellings: int = 0
    """How often people were told."""
    told: AlertState | None = None
    """In which state people believe it to be; None: they know nothing of it."""
    told_at: datetime | None = None
    told_count: int = 0
    told_names: int = 0
    told_level: int = 0
    pending: Telling | None = None
    """What is still to be handed to the outbox."""
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    """Who said that they look after it."""
    etag: str = ""

    @property
    def is_group(self) -> bool:
        return not self.about

    @property
    def digest(self) -> str:
        return digest(self.kind, self.about)

    @property
    def id(self) -> str:
        """Ids sort by time, newest first."""
        return f"{_FAR - int(self.opened_at.timestamp() * 1000):013d}-{self.digest}"

    @property
    def severity(self) -> Severity:
        return KINDS[self.kind].severity

    @property
    def what_to_do(self) -> str:
        return KINDS[self.kind].what_to_do

    @property
    def docs(self) -> str:
        """Where the docs say more."""
        return docs(self.kind)

    @property
    def resolved_at(self) -> datetime | None:
        """When it ended; None while it lasts."""
        return self.since if self.state is AlertState.RESOLVED else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Happening:
    """An event, which has no end."""

    about: str
    text: str
    key: str
    """Identifies it: it counts once."""
    count: int = 1
    """How many alike it stands for."""


def digest(kind: AlertKind, about: str) -> str:
    """What identifies an alert, as 32 hex digits."""
    return hashlib.sha256(json.dumps([kind.value, about]).encode()).hexdigest()[:32]


def digest_in(alert_id: str) -> str | None:
    """The digest in an alert's id; None if that is no id."""
    found = _ID.fullmatch(alert_id)
    return None if found is None else found[1]
