"""Belfry's own errors.

    BelfryError
    ├── Invalid          the request or the definition is wrong; names the field
    ├── NotFound         it does not exist
    ├── Conflict         it exists, but its present state forbids this
    ├── Unauthenticated  nobody knows who asks: no key, no sign-in, or a wrong one
    ├── Stale            it was changed since the caller read it
    ├── Forbidden        the caller is known, and its role does not allow this
    ├── TooMany          too many requests, or too many wrong keys; later is fine
    ├── Misconfigured    a setting is missing or wrong; a person must change it
    ├── Refused          an outside service said no, and will say no again
    ├── Unavailable      an outside service did not answer; it may answer later
    ├── Damaged          what was written cannot be trusted (a backup that fails its check)
    ├── Unprovable       a backup is what was dumped, but its data or definitions break its rules
    ├── Unexplained      the ledger does not add up: nothing shows how an occurrence ended
    ├── TimedOut         the task took longer than it may
    ├── Cancelled        a person or a policy stopped the job
    ├── Skipped          the task had nothing to do, and says why
    ├── Held             the task cannot go on yet: it waits for a time, an event or a person
    └── LeaseLost        another worker holds the job now

Two modules turn them into answers: `api/problems.py` (HTTP) and `engine/work/retry.py` (the job's
outcome). The attribute `permanent` of each class says that another attempt cannot help.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import ClassVar


class BelfryError(Exception):
    """Something went wrong that a person may have to act on; the message says what to do."""

    permanent: ClassVar[bool] = False


class Invalid(BelfryError):
    """A value is wrong. `field` is its name as the caller wrote it."""

    permanent = True

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class NotFound(BelfryError):
    """What was asked for does not exist."""

    permanent = True


class Conflict(BelfryError):
    """It exists, but its present state does not allow this."""

    permanent = True


class Stale(BelfryError):
    """It was changed since the caller read it, and the caller wanted it as it was."""

    permanent = True


class Forbidden(BelfryError):
    """The caller is known, and may not do this."""

    permanent = True


class Unauthenticated(BelfryError):
    """Nobody knows who asks. `given`: whether a key or a sign-in came, and is wrong."""

    permanent = True

    def __init__(self, message: str, *, given: bool = False) -> None:
        super().__init__(message)
        self.given = given


class TooMany(BelfryError):
    """Too many requests came. `wait`: whole seconds after which one may come again."""

    def __init__(
        self, message: str, wait: int, headers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """`headers`: what else the answer says of the limit."""
        super().__init__(message)
        self.wait = wait
        self.headers = headers


class Misconfigured(BelfryError):
    """A setting is missing or wrong, or several are. `problems` has one text for each."""

    permanent = True

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Refused(BelfryError):
    """An outside service refused, and would refuse again (a wrong password, no permission)."""

    permanent = True

    def __init__(self, service: str, message: str) -> None:
        super().__init__(f"{service}: {message}")
        self.service = service


class Unavailable(BelfryError):
    """An outside service did not answer or failed; a later attempt may succeed."""

    def __init__(self, service: str, message: str) -> None:
        super().__init__(f"{service}: {message}")
        self.service = service


class Damaged(BelfryError):
    """What was written failed its check, and must not be relied upon."""


class Unprovable(BelfryError):
    """A backup is what was dumped, but no proof can succeed: its data breaks its own rules, or its
    definitions fail when they are computed anew."""

    permanent = True


class Unexplained(BelfryError):
    """What was expected and what was done do not agree; the message names what to examine."""

    permanent = True


class TimedOut(BelfryError):
    """The task ran longer than its timeout."""


class Cancelled(BelfryError):
    """The job was stopped by a person or a policy."""

    permanent = True


class Skipped(BelfryError):
    """The task did nothing, for a reason that is not a failure. `result` is its job's result."""

    permanent = True

    def __init__(self, message: str, result: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.result = result


class Held(BelfryError):
    """The job cannot go on before `until`, or before it is woken (`engine.work.waking`). The
    message says what it waits for. The job goes back to the queue; this attempt does not count."""

    def __init__(self, until: datetime, message: str) -> None:
        super().__init__(message)
        if until.tzinfo is None:
            raise ValueError("Held: give `until` with its zone")
        self.until = until


class LeaseLost(BelfryError):
    """This worker no longer holds the job. Another worker has it, so this one's outcome does not
    count."""
