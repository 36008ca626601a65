"""What people do with keys: make one, list them, change one, revoke one.

A caller sees the keys of its own projects, and gives out no more than it has.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.access import Caller, Role
from shared.access import keys as pure
from shared.access.keys import Key
from shared.audit.port import Action, Audit, Subject
from shared.clock import Clock
from shared.errors import Conflict, Invalid, NotFound
from shared.keys.table import KeyTable
from shared.log import Event, event
from shared.storage.tables.compare_and_set import compare_and_set

_logger = logging.getLogger("belfry.keys")

_MOST = 1000
"""The most keys that count at one time."""


def _any(_: Key) -> None:
    """Whatever the key is, it may be changed."""


@dataclass(frozen=True, slots=True)
class Made:
    """A key that was made."""

    key: Key
    text: str
    """What its owner is shown, once: it is stored nowhere."""


class Keys:
    """The commands. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(
        self,
        table: KeyTable,
        clock: Clock,
        audit: Audit,
        written: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`written` is told the id of each key that was made or changed."""
        self._table = table
        self._clock = clock
        self._audit = audit
        self._written = written

    def create(
        self,
        by: Caller,
        name: str,
        role: Role,
        projects: frozenset[int] | None,
        expires_at: datetime | None = None,
    ) -> Made:
        """Make a key. From the first one on, nobody comes in without a key or a sign-in.

        Raises `Forbidden` if it would give more than the caller has, `Invalid`, and `Conflict` if
        the first key would be none of an administrator, so that nobody could make another.
        """
        pure.hold_grant(by, role, projects, expires_at)
        key_id = pure.new_id()
        text = pure.new_text(key_id)
        key = Key(
            id=key_id,
            hash=pure.hashed(text),
            name=name,
            role=role,
            projects=projects,
            created_at=self._clock.now(),
            created_by=by.name,
            expires_at=expires_at,
        )
        self._hold_times(key)
        with self._audit.changing(by, Action.CREATE, _subject(key)) as change:
            self._add(key)
            change.after = _shown(key)
        self._tell(Event.KEY_CREATED, key, by)
        return Made(key, text)

    def all(self, by: Caller) -> list[Key]:
        """The keys that the caller sees, revoked ones too, newest first."""
        found = [key for key in self._table.all() if pure.covers(by, key)]
        return sorted(found, key=lambda key: (key.created_at, key.id), reverse=True)

    def get(self, by: Caller, key_id: str) -> Key:
        """One key. Raises `NotFound`."""
        found = self._table.get(key_id) if pure.is_id(key_id) else None
        if found is None or not pure.covers(by, found):
            raise NotFound(f"there is no key {key_id!r:.40}")
        return found

    def change(
        self,
        by: Caller,
        key_id: str,
        step: Callable[[Key], Key],
        *,
        still: Callable[[Key], None] = _any,
    ) -> Key:
        """Change a key: its name, its role, its projects, when it expires.

        `still` is called with the very key that is to be changed, and may raise. Raises
        `NotFound`, `Invalid`, `Forbidden` if it would give more than the caller has, or gives more
        already, and `Conflict` for a revoked key, and for the last one of an admin.
        """

        def change(before: Key) -> Key:
            still(before)
            if before.revoked_at is not None:
                raise Conflict(f"key {key_id} was revoked; make another")
            pure.hold_role(by, before)
            after = step(before)
            pure.hold_grant(by, after.role, after.projects, after.expires_at)
            if after.expires_at != before.expires_at:
                self._hold_times(after)
            return after

        changed = self._changed(by, key_id, change, Action.CHANGE)
        self._tell(Event.KEY_CHANGED, changed, by)
        return changed

    def revoke(
        self,
        by: Caller,
        key_id: str,
        *,
        insist: bool = False,
        still: Callable[[Key], None] = _any,
    ) -> Key:
        """Revoke a key, for good; harmless if it was revoked before. Other instances follow within
        seconds. `still` as in `change`.

        Raises `NotFound`, `Forbidden` if its role is above the caller's, and `Conflict` for the
        last one of an administrator, unless it is asked with `insist`, which is for those who have
        access to the storage.
        """

        def revoked(before: Key) -> Key:
            still(before)
            pure.hold_role(by, before)
            return before.revoked(by, self._clock.now())

        gone = self._changed(by, key_id, revoked, Action.REVOKE, insist=insist)
        self._tell(Event.KEY_REVOKED, gone, by)
        return gone

    def _changed(
        self,
        by: Caller,
        key_id: str,
        step: Callable[[Key], Key],
        action: Action,
        *,
        insist: bool = False,
    ) -> Key:
        """Write what `step` makes of a key, and tell the audit."""
        found = self.get(by, key_id)
        if step(found) == found:
            return found
        with self._audit.changing(by, action, _subject(found), _shown(found)) as change:
            after = self._stepped(by, key_id, step, insist=insist)
            change.after = _shown(after)
        return after

    def _stepped(self, by: Caller, key_id: str, step: Callable[[Key], Key], *, insist: bool) -> Key:
        """Write what `step` makes of a key; if any key is changed meanwhile, decide again."""

        def attempt() -> Key | None:
            made = self._table.made()
            before = self.get(by, key_id)
            after = step(before)
            if after == before:
                return after
            after = replace(after, revision=before.revision + 1)
            if not insist:
                others = [one for one in self._table.all() if one.id != key_id]
                self._hold_administrator(others, before, after)
            return after if self._table.write(before, after, made) else None

        return compare_and_set("the keys", attempt)

    def _add(self, key: Key) -> None:
        def attempt() -> bool | None:
            made = self._table.made()
            there = list(self._table.all())
            if sum(one.is_good(key.created_at) for one in there) >= _MOST:
                raise Conflict(f"there are {_MOST} keys; revoke some")
            if not there and not _administers(key):
                raise Conflict(
                    "the first key must be of an admin for all projects: from then on only such a "
                    "key can make another"
                )
            return self._table.write(None, key, made) or None

        compare_and_set("the keys", attempt)

    def _hold_administrator(self, others: list[Key], before: Key, after: Key) -> None:
        """Raise `Conflict` if a change takes the last key of an administrator away."""
        now = self._clock.now()
        good = [one for one in (*others, after) if one.is_good(now)]
        is_last = before.is_good(now) and _administers(before)
        if is_last and not any(_administers(one) for one in good):
            raise Conflict(
                f"key {before.id} is the last one of an admin for all projects; make another first "
                "(where none is left, `python -m functions keys` makes one)"
            )

    def _hold_times(self, key: Key) -> None:
        at = key.expires_at
        if at is None:
            return
        if at <= self._clock.now():
            raise Invalid("expires_at", "give a time that is still to come, or leave it out")
        if at - self._clock.now() > timedelta(days=36_500):
            raise Invalid("expires_at", "give a time within a hundred years, or leave it out")

    def _tell(self, what: Event, key: Key, by: Caller) -> None:
        self._written(key.id)
        event(
            _logger,
            what,
            key_id=key.id,
            name=key.name,
            role=key.role.value,
            projects="all" if key.projects is None else ",".join(map(str, sorted(key.projects))),
            expires_at=key.expires_at,
            by=by.name,
        )


def _subject(key: Key) -> Subject:
    """A key of one project belongs to that project."""
    one = key.projects is not None and len(key.projects) == 1
    return Subject("key", key.id, next(iter(key.projects or ())) if one else None)


def _shown(key: Key) -> Mapping[str, object]:
    """What the audit keeps of a key: all that it gives, and nothing of its text."""
    return {
        "name": key.name,
        "role": key.role.value,
        "projects": None if key.projects is None else sorted(key.projects),
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }


def _administers(key: Key) -> bool:
    return key.role is Role.ADMIN and key.projects is None
