"""Stores changes of resources with their secrets, and tells the audit.

Secrets are stored first, under a name of their own, and then the row that refers to them; at last
those that it referred to before are removed. So whenever a process is killed, the row has the
secrets that belong to it; what is left over is removed later (`orphans`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from shared.access import Caller
from shared.audit.port import Action, Audit, Subject
from shared.clock import Clock
from shared.errors import BelfryError, Conflict
from shared.log import Event, event
from shared.resources.finding import Any_, Finding, owner
from shared.resources.wanted import Settled
from shared.settings import Secret
from shared.storage.tables.compare_and_set import compare_and_set

_logger = logging.getLogger("belfry.resources")

Still = Callable[[Any_], None]
"""Is called with the very resource that is to be changed, and may raise."""


class _Taken(Conflict):
    """Somebody else made one of this id a moment ago."""


class Changing:
    """Changes them. Every method raises `NotFound` if the resource is gone, what `still` raises,
    and `Unavailable` or `Refused` if storage fails."""

    def __init__(self, finding: Finding, audit: Audit, clock: Clock) -> None:
        self._again = finding.again
        self._kept_or_none = finding.kept_or_none
        self._store = finding.store
        self._secrets = finding.secrets
        self._audit = audit
        self._clock = clock

    def add(self, by: Caller, made: Any_, secrets: Mapping[str, Secret]) -> Any_ | None:
        """Make one; None if there is one of its id."""
        try:
            with self._audit.changing(by, Action.CREATE, _subject(made)) as change:
                if secrets:
                    made = replace(made, ref=self._secrets.put(owner(made), secrets))
                if not self._store.add(made):
                    raise _Taken(f"there is a {made.kind} {made.id!r} already")
                change.after = shown(made)
        except _Taken:
            self._discard(made, made.ref)
            return None
        self._tell(made, by, Action.CREATE)
        return self._again(made)

    def change(
        self,
        by: Caller,
        before: Any_,
        decide: Callable[[Any_, Mapping[str, Secret]], Settled],
        still: Still,
    ) -> Any_:
        """Let `decide` say what it is then, from what it is and its secrets, and store that."""

        def attempt() -> tuple[Any_, Any_] | None:
            one = self._again(before)
            still(one)
            kept = self._kept_or_none(one)
            after = decide(one, kept)
            made = self._revised(one, what=after.what, has=frozenset(after.secrets))
            if after.secrets != kept:
                new = self._secrets.put(owner(one), after.secrets) if after.secrets else ""
                made = replace(made, ref=new)
            if self._store.write(one, made):
                return one, made
            if made.ref != one.ref:
                self._discard(made, made.ref)
            return None

        still(before)
        with self._audit.changing(by, Action.CHANGE, _subject(before), shown(before)) as change:
            was, made = compare_and_set(f"{before.kind} {before.id!r}", attempt)
            change.after = shown(made)
        if was.ref != made.ref:
            self._discard(was, was.ref)
        self._tell(made, by, Action.CHANGE)
        return self._again(made)

    def turn(self, by: Caller, before: Any_, reason: str, still: Still) -> Any_:
        """Disable it for a reason, or enable it (empty)."""
        action = Action.DISABLE if reason else Action.ENABLE

        def attempt() -> Any_ | None:
            one = self._again(before)
            still(one)
            if bool(one.disabled) == bool(reason):
                return one
            made = self._revised(one, disabled=reason[:500])
            return made if self._store.write(one, made) else None

        still(before)
        if bool(before.disabled) == bool(reason):
            return before
        with self._audit.changing(by, action, _subject(before), shown(before)) as change:
            made = compare_and_set(f"{before.kind} {before.id!r}", attempt)
            change.after = shown(made)
        self._tell(made, by, action)
        return self._again(made)

    def remove(self, by: Caller, before: Any_, still: Still) -> None:
        """Delete it with its secrets."""

        def attempt() -> Any_ | None:
            now = self._again(before)
            still(now)
            return now if self._store.remove(now) else None

        with self._audit.changing(by, Action.DELETE, _subject(before), shown(before)):
            gone = compare_and_set(f"{before.kind} {before.id!r}", attempt)
        self._discard(gone, gone.ref)
        self._tell(gone, by, Action.DELETE)

    def _revised(self, one: Any_, **fields: Any) -> Any_:
        now = self._clock.now()
        return replace(one, revision=one.revision + 1, updated_at=now, **fields)

    def _discard(self, resource: Any_, ref: str) -> None:
        """Remove secrets that no row names any more. If that fails, the sweep does it."""
        if not ref:
            return
        try:
            self._secrets.remove(owner(resource), ref)
        except BelfryError as error:
            event(
                _logger,
                Event.SECRETS_LEFT,
                level=logging.WARNING,
                kind=resource.kind,
                id=resource.id,
                project_id=resource.project_id,
                error=str(error),
            )

    def _tell(self, one: Any_, by: Caller, action: Action) -> None:
        event(
            _logger,
            Event.RESOURCE_CHANGED,
            kind=one.kind,
            id=one.id,
            project_id=one.project_id,
            action=action,
            by=by.name,
        )


def shown(one: Any_) -> dict[str, object]:
    """A resource for the audit: which secrets it has, and under which name they are, which
    differs when they do; but none of them."""
    what = one.what.model_dump(mode="json", exclude_defaults=True)
    return {
        **what,
        "project_id": one.project_id,
        "has": sorted(one.has),
        "kept_as": one.ref,
        "disabled": one.disabled,
        "revision": one.revision,
    }


def _subject(one: Any_) -> Subject:
    return Subject(one.kind.value, one.id, one.project_id)
