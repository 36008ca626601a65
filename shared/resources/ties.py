"""What ties a resource to others: a pair names two targets, and schedules name resources."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from shared.errors import Conflict, Invalid
from shared.resources.model import Described, Kind, Resource
from shared.resources.naming import missing
from shared.resources.store import Store
from shared.resources.targets import Target, TargetKind

_NAMED = 20
"""The most schedules or pairs that a message names."""
Users = Callable[[Kind, str, "int | None"], Sequence[str]]
"""The names of the schedules of that project that name a resource."""


class Ties:
    """Looks at them. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, store: Store, users: Users) -> None:
        self._store = store
        self._users = users

    def hold_ends(self, what: Described, project_id: int | None) -> None:
        """Raise `Invalid` if a pair names a target that is not there, or another pair."""
        if not isinstance(what, Target) or what.kind is not TargetKind.PAIR:
            return
        for name in ("source_id", "destination_id"):
            end = self._store.get(Kind.TARGET, Target, getattr(what, name), project_id)
            if end is None:
                raise Invalid(name, str(missing(Kind.TARGET, getattr(what, name), project_id)))
            if end.what.kind is TargetKind.PAIR:
                raise Invalid(name, f"target {end.id!r} is a pair itself")

    def hold_unused(self, one: Resource[Any]) -> None:
        """Raise `Conflict` if schedules or pairs name it."""
        if one.kind is Kind.TARGET:
            pairs = [
                pair.id
                for pair in self._store.of_project(Kind.TARGET, Target, one.project_id)
                if one.id in (pair.what.source_id, pair.what.destination_id)
            ]
            if pairs:
                raise Conflict(
                    f"target {one.id!r} is named by the pairs {_list(pairs)}; change these first, "
                    "or use ?force=true"
                )
        if names := self._users(one.kind, one.id, one.project_id):
            raise Conflict(
                f"schedules name the {one.kind} {one.id!r}: {_list(names)}; change these first, or "
                "use ?force=true, and their runs fail"
            )


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(map(repr, names[:_NAMED])) + more
