"""Keys: what a caller proves with who it is.

A key is `bfy_{id}_{secret}`: an id that is no secret, by which its row is found, and 256 random
bits. Only a hash of the whole is stored. The bits are as many as the hash has, and nobody chose
them, so they cannot be guessed from it: a slow hash, as passwords need, would add nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime

from shared.access.caller import Caller, Role
from shared.errors import Forbidden

PREFIX = "bfy_"
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_ID_LENGTH, _BYTES = 12, 32
KEY_ID = f"[a-z0-9]{{{_ID_LENGTH}}}"
"""The pattern of a key's id."""
_FORM = re.compile(rf"{PREFIX}({KEY_ID})_[0-9a-f]{{{2 * _BYTES}}}", re.ASCII)
ROOM = len(PREFIX) + _ID_LENGTH + 1 + 2 * _BYTES
"""The length of a key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A key, as it is stored."""

    id: str
    hash: str
    """SHA-256 of the key, in hex."""
    name: str
    role: Role
    projects: frozenset[int] | None
    """None: all."""
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    """To some minutes."""
    revoked_at: datetime | None = None
    revoked_by: str = ""
    revision: int = 1
    """Grows with each change by a person; not with its use."""
    etag: str = ""

    def wrong(self, now: datetime) -> str | None:
        """Why it does not count any more; None if it does."""
        if self.revoked_at is not None:
            return "it was revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "it has expired"
        return None

    def is_good(self, now: datetime) -> bool:
        """Whether it counts."""
        return self.wrong(now) is None

    def fits(self, text: str) -> bool:
        """Whether `text` is this key. Takes as long whatever it is."""
        return hmac.compare_digest(self.hash, hashed(text))

    def caller(self) -> Caller:
        """Who asks with it."""
        return Caller(
            name=self.name,
            role=self.role,
            projects=self.projects,
            key_id=self.id,
            until=self.expires_at,
        )

    def revoked(self, by: Caller, now: datetime) -> Key:
        """The key, revoked; one that was revoked before stays as it is."""
        if self.revoked_at is not None:
            return self
        return replace(self, revoked_at=now, revoked_by=by.name)


def new_id() -> str:
    """An id for a new key."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_ID_LENGTH))


def is_id(text: str) -> bool:
    """Whether `text` has the form of a key's id."""
    return re.fullmatch(KEY_ID, text, re.ASCII) is not None


def new_text(key_id: str) -> str:
    """A new key: what its owner is shown, once."""
    return f"{PREFIX}{key_id}_{secrets.token_hex(_BYTES)}"


def id_in(text: str) -> str | None:
    """The id in a key; None if it has not the form of one. Takes no longer for a long text."""
    found = _FORM.fullmatch(text) if len(text) == ROOM else None
    return None if found is None else found[1]


def hashed(text: str) -> str:
    """The hash of a key, in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def hold_grant(
    by: Caller, role: Role, projects: frozenset[int] | None, expires_at: datetime | None
) -> None:
    """Raise `Forbidden` unless a caller has all that such a key would give."""
    if not by.role.includes(role):
        raise Forbidden(f"role: {by.name} is {by.role}, and can give out no more than that")
    if by.projects is not None and not (projects is not None and projects <= by.projects):
        those = ", ".join(map(str, sorted(by.projects)))
        raise Forbidden(f"projects: {by.name} can give out only those that it has: {those}")
    if by.until is not None and (expires_at is None or expires_at > by.until):
        until = by.until.isoformat().replace("+00:00", "Z")
        raise Forbidden(f"expires_at: {by.name} itself expires at {until}; give that, or earlier")


def hold_role(by: Caller, key: Key) -> None:
    """Raise `Forbidden` if a key's role is above the caller's."""
    if not by.role.includes(key.role):
        raise Forbidden(f"key {key.id} is of an {key.role}, and {by.name} is {by.role}")


def covers(by: Caller, key: Key) -> bool:
    """Whether a caller sees a key: one for its projects alone."""
    return by.projects is None or (key.projects is not None and key.projects <= by.projects)
