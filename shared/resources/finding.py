"""Finds resources, and their secrets as they belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.access import Caller
from shared.errors import Conflict, Damaged, NotFound
from shared.resources.model import Kind, Resource
from shared.resources.naming import PATHS, made_by, missing, whose
from shared.resources.rows import MODELS
from shared.resources.store import Store
from shared.secrets.port import Owner, SecretStore
from shared.settings import Secret

_FEW = 50
"""The projects of so many are asked one by one for an id."""
_NAMED = 20
"""The most projects that a message names."""
Any_ = Resource[Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """Looks for them. Every method raises `Unavailable` or `Refused` if storage fails."""

    store: Store
    secrets: SecretStore

    def find(self, kind: Kind, resource_id: str, project_id: int | None) -> Any_ | None:
        """The resource, without its secrets."""
        return self.store.get(kind, MODELS[kind], resource_id, project_id)

    def get(self, kind: Kind, resource_id: str, project_id: int | None) -> Any_:
        """The resource, without its secrets. Raises `NotFound`."""
        found = self.find(kind, resource_id, project_id)
        if found is None:
            raise missing(kind, resource_id, project_id)
        return found

    def again(self, one: Any_) -> Any_:
        """As it is now. Raises `NotFound`."""
        return self.get(one.kind, one.id, one.project_id)

    def whole(self, kind: Kind, resource_id: str, project_id: int | None) -> Any_:
        """The resource with its secrets. Raises `NotFound`."""
        now, values = self._kept_by(self.get(kind, resource_id, project_id))
        return replace(now, secrets=values)

    def kept_or_none(self, one: Any_) -> Mapping[str, Secret]:
        """Its secrets; none if they are gone or damaged, so that they can be given anew."""
        try:
            return self._kept_by(one)[1]
        except (NotFound, Damaged):
            return {}

    def _kept_by(self, resource: Any_) -> tuple[Any_, Mapping[str, Secret]]:
        """Its secrets, and the row that names them. They may be changed at the same time, together
        with where they may be sent: so a row goes with its own secrets alone."""
        for _ in range(5):
            if not resource.ref:
                return resource, {}
            values = self.secrets.get(owner(resource), resource.ref)
            if values is not None:
                return resource, values
            again = self.again(resource)
            if again.ref == resource.ref:
                break
            resource = again
        kind, name = resource.kind, resource.id
        raise NotFound(
            f"the secrets of {kind} {name!r} {whose(resource.project_id)} are gone; "
            f"give them anew with PATCH {PATHS[kind]}/{name}"
        )

    def project_of(self, by: Caller, kind: Kind, resource_id: str) -> int | None:
        """The one project that the caller sees which has a resource of this id. Raises `NotFound`,
        and `Conflict` if there are several."""
        if by.project is not None:
            return by.project
        found = self._projects_with(by, kind, resource_id)
        if not found:
            raise NotFound(f"there is no {kind} {resource_id!r:.70}; {made_by(kind, resource_id)}")
        if len(found) > 1:
            known = ", ".join("none" if one is None else str(one) for one in found[:_NAMED])
            raise Conflict(
                f"several projects have a {kind} {resource_id!r}: {known}; say which, such as "
                f"?project_id={'none' if found[0] is None else found[0]}"
            )
        return found[0]

    def _projects_with(self, by: Caller, kind: Kind, resource_id: str) -> list[int | None]:
        if by.projects is not None and len(by.projects) <= _FEW:
            there = [
                one for one in sorted(by.projects) if self.find(kind, resource_id, one) is not None
            ]
            return [*there]
        found = self.store.projects_with(kind, resource_id)
        return sorted(
            (one for one in found if by.sees(one)), key=lambda one: -1 if one is None else one
        )


def owner(one: Any_) -> Owner:
    """Whom its secrets belong to."""
    return Owner(kind=one.kind.value, id=one.id, project_id=one.project_id)
