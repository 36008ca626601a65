"""An entry of the audit: who changed what, when, from where, from what to what.

Values are JSON, and secrets are removed from them before they are kept.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any

from shared.access import Caller
from shared.audit.port import Action, Subject
from shared.log import instant, short
from shared.redaction import without_secrets

_MOST = 100_000
"""Characters of `before` or `after` that are kept; of more, only their hash."""
_ERROR = 500


class Outcome(StrEnum):
    """What became of a change."""

    DONE = "done"
    FAILED = "failed"
    """It raised an error; what it did until then is not undone by the audit."""
    UNKNOWN = "unknown"
    """The process ended, or lost its storage, before it could say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Who:
    """By whom, and from where."""

    name: str
    role: str
    key_id: str | None = None
    address: str | None = None
    request_id: str | None = None

    @staticmethod
    def of(caller: Caller) -> Who:
        """The caller, as it is kept."""
        return Who(
            name=short(caller.name, 200),
            role=caller.role.value,
            key_id=caller.key_id,
            address=caller.address,
            request_id=caller.request_id,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One change."""

    id: str
    at: datetime
    """When it was made; of one that took time, when it began."""
    by: Who
    action: Action
    subject: Subject
    schedule_id: str | None = None
    """The schedule that it concerns, if it concerns one: the subject itself, or that of a job."""
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None
    outcome: Outcome = Outcome.DONE
    error: str | None = None
    settles: str | None = None
    """The id of an earlier entry whose outcome was unknown, and which this one tells."""

    @staticmethod
    def of(
        caller: Caller,
        action: Action,
        subject: Subject,
        at: datetime,
        *,
        schedule_id: str | None = None,
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
        outcome: Outcome = Outcome.DONE,
    ) -> Entry:
        """A new entry, without secrets."""
        return Entry(
            id=secrets.token_hex(8),
            at=at,
            by=Who.of(caller),
            action=action,
            subject=subject,
            schedule_id=schedule_id,
            before=kept(before),
            after=kept(after),
            outcome=outcome,
        )

    def ended(self, after: Mapping[str, object] | None, error: BaseException | None) -> Entry:
        """The entry with its outcome."""
        if error is None:
            return replace(self, after=kept(after), outcome=Outcome.DONE)
        said = short(f"{type(error).__name__}: {error}", _ERROR)
        return replace(self, after=kept(after), outcome=Outcome.FAILED, error=said)

    def settling(self) -> Entry:
        """An entry of its own that tells the outcome of this one, which was kept as unknown."""
        return replace(self, id=secrets.token_hex(8), settles=self.id)

    def to_json(self) -> dict[str, Any]:
        """The entry as a JSON object."""
        found = asdict(self)
        return found | {"at": instant(self.at)}


def from_json(said: Mapping[str, Any]) -> Entry:
    """The entry of a JSON object. Raises `LookupError`, `ValueError` or `TypeError`."""
    known = {name: said[name] for name in Entry.__dataclass_fields__}
    return Entry(
        **known
        | {
            "at": datetime.fromisoformat(said["at"]),
            "by": Who(**said["by"]),
            "action": Action(said["action"]),
            "subject": Subject(**said["subject"]),
            "outcome": Outcome(said["outcome"]),
        }
    )


def canonical(value: object) -> str:
    """The one JSON text of a value: names sorted, no spaces, Unicode as it is."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def kept(value: Mapping[str, object] | None) -> dict[str, Any] | None:
    """A JSON object as the audit keeps it: without secrets; of one that is too long, its hash."""
    if value is None:
        return None
    said: dict[str, Any] = without_secrets(_plain(value))
    text = canonical(said)
    if len(text) <= _MOST:
        return said
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return {"too_long": len(text), "sha256": digest}


def _plain(value: object) -> Any:
    """The value as JSON has it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Set):
        return sorted(_plain(one) for one in value)
    if isinstance(value, float) and value - value != 0:  # NaN, infinite
        return str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
