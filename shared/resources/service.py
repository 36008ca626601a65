"""What people do with resources, and what tasks ask of them (`port.ResourceService`).

Secrets are stored first, under a name of their own, and then the row that refers to them; at last
those that it referred to before are removed. So whenever a process is killed, the row has the
secrets that belong to it; what is left over is removed later (`sweep`).
"""

from __future__ import annotations

import logging
import secrets as random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar, cast

from shared.access import Caller
from shared.access.caller import ENGINE
from shared.audit.port import Action, Audit, Subject
from shared.clock import Clock
from shared.engine.commands.agreed import Agreed, afresh
from shared.errors import BelfryError, Conflict, Damaged, Invalid, NotFound
from shared.log import Event, event
from shared.resources.model import Described, Kind, Resource
from shared.resources.naming import PATHS, made_by, missing
from shared.resources.repositories import Repository
from shared.resources.rows import MODELS
from shared.resources.store import Page, Store
from shared.resources.targets import Target, TargetKind
from shared.resources.wanted import Places, Settled, Wanted, new_signing_key, rotated, settled
from shared.resources.webhooks import Webhook
from shared.secrets.port import Owner, SecretStore
from shared.settings import Secret
from shared.storage.tables.compare_and_set import compare_and_set

_logger = logging.getLogger("belfry.resources")

MOST = 1000
"""The most resources of a project, of all kinds. A few more are possible if they are made at the
same instant."""
_FEW = 50
"""The projects of so many are asked one by one for an id."""
_NAMED = 20
"""The most schedules that a message names."""
D = TypeVar("D", bound=Described)
Any_ = Resource[Any]
Still = Callable[[Any_], None]
Users = Callable[[Kind, str, "int | None"], Sequence[str]]
"""The names of the schedules of that project that name a resource."""


class _Taken(Conflict):
    """Somebody else made one of this id a moment ago."""


def _any(_: Any_) -> None:
    """Whatever the resource is, it may be changed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A resource that was made or changed."""

    resource: Any_
    is_new: bool = False
    shown_once: Secret | None = None
    """A signing key that was generated: nobody is shown it again."""


class Resources:
    """The commands. Every method raises `Unavailable` or `Refused` if storage fails, and
    `Misconfigured` if there is no place for secrets, but one is given."""

    def __init__(
        self,
        store: Store,
        secrets: SecretStore,
        audit: Audit,
        clock: Clock,
        places: Callable[[], Places],
        users: Users,
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._audit = audit
        self._clock = clock
        self._places = places
        self._users = users

    # What tasks ask

    def webhook(self, webhook_id: str, project_id: int | None) -> Resource[Webhook]:
        """The webhook of that project, with its secrets. Raises `NotFound`."""
        return cast(Resource[Webhook], self._whole(Kind.WEBHOOK, webhook_id, project_id))

    def repository(self, repository_id: str, project_id: int | None) -> Resource[Repository]:
        """The repository of that project, with its secrets. Raises `NotFound`."""
        return cast(Resource[Repository], self._whole(Kind.REPOSITORY, repository_id, project_id))

    def target(self, target_id: str, project_id: int | None) -> Resource[Target]:
        """The target of that project, with its secrets. Raises `NotFound`."""
        return cast(Resource[Target], self._whole(Kind.TARGET, target_id, project_id))

    def targets(self, project_id: int | None) -> Sequence[Resource[Target]]:
        """All targets of that project, without their secrets."""
        return self._store.of_project(Kind.TARGET, Target, project_id)

    def disable_webhook(self, webhook_id: str, project_id: int | None, reason: str) -> None:
        """Deliver nothing more to it, until a person enables it; harmless if it is disabled, or
        gone."""
        before = self._store.get(Kind.WEBHOOK, Webhook, webhook_id, project_id)
        if before is None or before.disabled:
            return
        try:
            self._turn(ENGINE, before, Action.DISABLE, reason or "no reason was given", _any)
        except NotFound:  # deleted meanwhile
            return
        event(
            _logger,
            Event.RESOURCE_DISABLED,
            level=logging.WARNING,
            kind=Kind.WEBHOOK,
            id=webhook_id,
            project_id=project_id,
            reason=reason,
        )

    # What people do

    def page(
        self, by: Caller, kind: Kind, project_id: int | None, number: int, size: int
    ) -> Page[Any]:
        """A page of a list, from 1 on: of one project, or of all that the caller sees."""
        start = (number - 1) * size
        return self._store.page(kind, MODELS[kind], by.among(project_id), start, size)

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

    def get(self, by: Caller, kind: Kind, resource_id: str, project_id: int | None) -> Any_:
        """The resource, without its secrets. Raises `NotFound`."""
        found = self._find(kind, resource_id, project_id) if by.sees(project_id) else None
        if found is None:
            raise missing(kind, resource_id, project_id)
        return found

    def create(
        self,
        by: Caller,
        kind: Kind,
        project_id: int | None,
        wanted: Wanted,
        *,
        agreed: Agreed = afresh,
    ) -> Made:
        """Make a resource. `agreed`: if the command was given before, returns what was made then.
        Raises `Invalid`, and `Conflict` if the project has too many."""
        (name,) = agreed(lambda: [f"{kind[0]}{random.token_hex(6)}"])
        if agreed is not afresh and (earlier := self._find(kind, name, project_id)) is not None:
            return Made(resource=earlier)
        made = self._add(by, kind, name, project_id, wanted)
        if made is None:
            raise Conflict("it could not be made; try again")
        return made

    def put(
        self,
        by: Caller,
        kind: Kind,
        resource_id: str,
        project_id: int | None,
        wanted: Wanted,
        *,
        still: Still = _any,
    ) -> Made:
        """Make a resource under an id of the caller's, or say anew what it is; secrets that are not
        given stay. Raises as `create` and `change`."""

        def attempt() -> Made | None:
            before = self._find(kind, resource_id, project_id)
            if before is None:
                return self._add(by, kind, resource_id, project_id, wanted)
            try:
                return self._settle(by, before, lambda _: wanted, still)
            except NotFound:  # it was deleted meanwhile
                return None

        return compare_and_set(f"{kind} {resource_id!r}", attempt)

    def change(
        self,
        by: Caller,
        before: Any_,
        step: Callable[[Any_], Wanted],
        *,
        still: Still = _any,
    ) -> Made:
        """Change a resource. `step` says what it is to be; `still` is called with the very resource
        that is to be changed, and may raise. Raises `NotFound`, `Invalid`, `Conflict`."""
        return self._settle(by, before, step, still)

    def rotate(
        self,
        by: Caller,
        before: Any_,
        overlap: timedelta,
        key: Secret | None,
        *,
        still: Still = _any,
    ) -> Made:
        """Give a webhook a new signing key: the one that is given, or else one that is made, which
        is shown once. Raises as `change`."""
        new = key or new_signing_key()
        now = self._clock.now()

        def turn(one: Any_, kept: Mapping[str, Secret]) -> Settled:
            return rotated(one.what, kept, new, now, overlap)

        made = self._write(by, before, Action.CHANGE, turn, still)
        return replace(made, shown_once=None if key else new)

    def enable(self, by: Caller, before: Any_, *, still: Still = _any) -> Any_:
        """Let it take part again; harmless if it does."""
        return self._turn(by, before, Action.ENABLE, "", still)

    def disable(self, by: Caller, before: Any_, reason: str, *, still: Still = _any) -> Any_:
        """Let it take part in nothing until it is enabled; harmless if it is disabled."""
        return self._turn(by, before, Action.DISABLE, reason or f"disabled by {by.name}", still)

    def delete(self, by: Caller, before: Any_, *, force: bool = False, still: Still = _any) -> None:
        """Delete a resource with its secrets. Raises `NotFound`, and `Conflict` while schedules
        name it, or a pair of targets does, unless `force`."""
        still(before)
        if not force:
            self._hold_unused(before)

        def attempt() -> Any_ | None:
            now = self._again(before)
            still(now)
            return now if self._store.remove(now) else None

        with self._audit.changing(by, Action.DELETE, _subject(before), shown(before)):
            gone = compare_and_set(f"{before.kind} {before.id!r}", attempt)
        self._discard(gone, gone.ref)
        self._tell(gone, by, Action.DELETE)

    # How

    def _whole(self, kind: Kind, resource_id: str, project_id: int | None) -> Any_:
        found = self._find(kind, resource_id, project_id)
        if found is None:
            raise missing(kind, resource_id, project_id)
        now, values = self._kept_by(found)
        return replace(now, secrets=values)

    def _kept(self, resource: Any_) -> Mapping[str, Secret]:
        return self._kept_by(resource)[1]

    def _kept_by(self, resource: Any_) -> tuple[Any_, Mapping[str, Secret]]:
        """Its secrets, and the row that names them. They may be changed at the same time, together
        with where they may be sent: so a row goes with its own secrets alone."""
        for _ in range(5):
            if not resource.ref:
                return resource, {}
            values = self._secrets.get(_owner(resource), resource.ref)
            if values is not None:
                return resource, values
            again = self._again(resource)
            if again.ref == resource.ref:
                break
            resource = again
        raise NotFound(
            f"the secrets of {resource.kind} {resource.id!r} {_of(resource.project_id)} are gone; "
            f"give them anew with PATCH {PATHS[resource.kind]}/{resource.id}"
        )

    def _kept_or_none(self, one: Any_) -> Mapping[str, Secret]:
        """Its secrets; none if they are gone or damaged, so that they can be given anew."""
        try:
            return self._kept(one)
        except (NotFound, Damaged):
            return {}

    def _find(self, kind: Kind, resource_id: str, project_id: int | None) -> Any_ | None:
        return self._store.get(kind, MODELS[kind], resource_id, project_id)

    def _again(self, one: Any_) -> Any_:
        found = self._find(one.kind, one.id, one.project_id)
        if found is None:
            raise missing(one.kind, one.id, one.project_id)
        return found

    def _projects_with(self, by: Caller, kind: Kind, resource_id: str) -> list[int | None]:
        if by.projects is not None and len(by.projects) <= _FEW:
            there = [
                one for one in sorted(by.projects) if self._find(kind, resource_id, one) is not None
            ]
            return [*there]
        found = self._store.projects_with(kind, resource_id)
        return sorted(
            (one for one in found if by.sees(one)), key=lambda one: -1 if one is None else one
        )

    def _add(
        self, by: Caller, kind: Kind, resource_id: str, project_id: int | None, wanted: Wanted
    ) -> Made | None:
        """Make one; None if there is one of its id."""
        generated = None
        if kind is Kind.WEBHOOK and wanted.secrets.get("signing_key") is None:
            generated = new_signing_key()
            wanted = replace(wanted, secrets={**wanted.secrets, "signing_key": generated})
        now = self._clock.now()
        after = settled(kind, None, {}, wanted, self._places())
        self._hold_ends(after.what, project_id)
        if self._store.count(project_id) >= MOST:
            raise Conflict(
                f"there are {MOST:,} webhooks, repositories and targets {_of(project_id)}; delete "
                "some"
            )
        made: Any_ = Resource(
            kind=kind,
            id=resource_id,
            project_id=project_id,
            what=after.what,
            has=frozenset(after.secrets),
            created_at=now,
            updated_at=now,
        )
        try:
            with self._audit.changing(by, Action.CREATE, _subject(made)) as change:
                if after.secrets:
                    made = replace(made, ref=self._secrets.put(_owner(made), after.secrets))
                if not self._store.add(made):
                    raise _Taken(f"there is a {kind} {resource_id!r} already")
                change.after = shown(made)
        except _Taken:
            self._discard(made, made.ref)
            return None
        self._tell(made, by, Action.CREATE)
        return Made(resource=self._again(made), is_new=True, shown_once=generated)

    def _settle(
        self, by: Caller, before: Any_, step: Callable[[Any_], Wanted], still: Still
    ) -> Made:
        def decide(one: Any_, kept: Mapping[str, Secret]) -> Settled:
            after = settled(one.kind, one.what, kept, step(one), self._places())
            self._hold_ends(after.what, one.project_id)
            return after

        return self._write(by, before, Action.CHANGE, decide, still)

    def _write(
        self,
        by: Caller,
        before: Any_,
        action: Action,
        decide: Callable[[Any_, Mapping[str, Secret]], Settled],
        still: Still,
    ) -> Made:
        """Let `decide` say what it is then, from what it is and its secrets, and store that."""

        def attempt() -> tuple[Any_, Any_] | None:
            one = self._again(before)
            still(one)
            kept = self._kept_or_none(one)
            after = decide(one, kept)
            made = replace(
                one,
                what=after.what,
                has=frozenset(after.secrets),
                revision=one.revision + 1,
                updated_at=self._clock.now(),
            )
            if after.secrets != kept:
                new = self._secrets.put(_owner(one), after.secrets) if after.secrets else ""
                made = replace(made, ref=new)
            if self._store.write(one, made):
                return one, made
            if made.ref != one.ref:
                self._discard(made, made.ref)
            return None

        still(before)
        with self._audit.changing(by, action, _subject(before), shown(before)) as change:
            was, made = compare_and_set(f"{before.kind} {before.id!r}", attempt)
            change.after = shown(made)
        if was.ref != made.ref:
            self._discard(was, was.ref)
        self._tell(made, by, action)
        return Made(resource=self._again(made))

    def _turn(self, by: Caller, before: Any_, action: Action, reason: str, still: Still) -> Any_:
        """Disable it for a reason, or enable it (empty)."""

        def attempt() -> Any_ | None:
            one = self._again(before)
            still(one)
            if bool(one.disabled) == bool(reason):
                return one
            made = replace(
                one,
                disabled=reason[:500],
                revision=one.revision + 1,
                updated_at=self._clock.now(),
            )
            return made if self._store.write(one, made) else None

        still(before)
        if bool(before.disabled) == bool(reason):
            return before
        with self._audit.changing(by, action, _subject(before), shown(before)) as change:
            made = compare_and_set(f"{before.kind} {before.id!r}", attempt)
            change.after = shown(made)
        self._tell(made, by, action)
        return self._again(made)

    def _hold_ends(self, what: Described, project_id: int | None) -> None:
        """Raise `Invalid` if a pair names a target that is not there."""
        if not isinstance(what, Target) or what.kind is not TargetKind.PAIR:
            return
        for name in ("source_id", "destination_id"):
            end = self._store.get(Kind.TARGET, Target, getattr(what, name), project_id)
            if end is None:
                raise Invalid(name, str(missing(Kind.TARGET, getattr(what, name), project_id)))
            if end.what.kind is TargetKind.PAIR:
                raise Invalid(name, f"target {end.id!r} is a pair itself")

    def _hold_unused(self, one: Any_) -> None:
        """Raise `Conflict` if schedules or pairs name it."""
        if one.kind is Kind.TARGET:
            pairs = [
                pair.id
                for pair in self.targets(one.project_id)
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

    def _discard(self, resource: Any_, ref: str) -> None:
        """Remove secrets that no row names any more. If that fails, the sweep does it."""
        if not ref:
            return
        try:
            self._secrets.remove(_owner(resource), ref)
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


def _owner(one: Any_) -> Owner:
    return Owner(kind=one.kind.value, id=one.id, project_id=one.project_id)


def _subject(one: Any_) -> Subject:
    return Subject(one.kind.value, one.id, one.project_id)


def _of(project_id: int | None) -> str:
    return "of no project" if project_id is None else f"of project {project_id}"


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(map(repr, names[:_NAMED])) + more
