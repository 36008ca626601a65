"""What people do with resources, and what tasks ask of them (`port.ResourceService`)."""

from __future__ import annotations

import logging
import secrets as random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast

from shared.access import Caller
from shared.access.caller import ENGINE
from shared.audit.port import Audit
from shared.clock import Clock
from shared.engine.commands.agreed import Agreed, afresh
from shared.errors import Conflict, NotFound
from shared.log import Event, event
from shared.resources.changing import Changing, Still
from shared.resources.finding import Any_, Finding
from shared.resources.model import Kind, Resource
from shared.resources.naming import missing, whose
from shared.resources.repositories import Repository
from shared.resources.rows import MODELS
from shared.resources.store import Page, Store
from shared.resources.targets import Target
from shared.resources.ties import Ties, Users
from shared.resources.wanted import Places, Settled, Wanted, new_signing_key, rotated, settled
from shared.resources.webhooks import Webhook
from shared.secrets.port import SecretStore
from shared.settings import Secret
from shared.storage.tables.compare_and_set import compare_and_set

_logger = logging.getLogger("belfry.resources")

MOST = 1000
"""The most resources of a project, of all kinds. A few more are possible if they are made at the
same instant."""


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
        self._finding = Finding(store, secrets)
        self._changing = Changing(self._finding, audit, clock)
        self._ties = Ties(store, users)
        self._clock = clock
        self._places = places

    # What tasks ask

    def webhook(self, webhook_id: str, project_id: int | None) -> Resource[Webhook]:
        """The webhook of that project, with its secrets. Raises `NotFound`."""
        return cast(Resource[Webhook], self._finding.whole(Kind.WEBHOOK, webhook_id, project_id))

    def repository(self, repository_id: str, project_id: int | None) -> Resource[Repository]:
        """The repository of that project, with its secrets. Raises `NotFound`."""
        return cast(
            Resource[Repository], self._finding.whole(Kind.REPOSITORY, repository_id, project_id)
        )

    def target(self, target_id: str, project_id: int | None) -> Resource[Target]:
        """The target of that project, with its secrets. Raises `NotFound`."""
        return cast(Resource[Target], self._finding.whole(Kind.TARGET, target_id, project_id))

    def targets(self, project_id: int | None) -> Sequence[Resource[Target]]:
        """All targets of that project, without their secrets."""
        return self._store.of_project(Kind.TARGET, Target, project_id)

    def disable_webhook(self, webhook_id: str, project_id: int | None, reason: str) -> None:
        """Deliver nothing more to it, until a person enables it; harmless if it is disabled, or
        gone."""
        before = self._finding.find(Kind.WEBHOOK, webhook_id, project_id)
        if before is None or before.disabled:
            return
        try:
            self._changing.turn(ENGINE, before, reason or "no reason was given", _any)
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
        return self._finding.project_of(by, kind, resource_id)

    def get(self, by: Caller, kind: Kind, resource_id: str, project_id: int | None) -> Any_:
        """The resource, without its secrets. Raises `NotFound`."""
        if not by.sees(project_id):
            raise missing(kind, resource_id, project_id)
        return self._finding.get(kind, resource_id, project_id)

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
        if agreed is not afresh and (earlier := self._finding.find(kind, name, project_id)):
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
            before = self._finding.find(kind, resource_id, project_id)
            if before is None:
                return self._add(by, kind, resource_id, project_id, wanted)
            try:
                return self.change(by, before, lambda _: wanted, still=still)
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
        """Change a resource. `step` says what it is to be. Raises `NotFound`, `Invalid`,
        `Conflict`, and what `still` raises."""

        def decide(one: Any_, kept: Mapping[str, Secret]) -> Settled:
            after = settled(one.kind, one.what, kept, step(one), self._places())
            self._ties.hold_ends(after.what, one.project_id)
            return after

        return Made(resource=self._changing.change(by, before, decide, still))

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

        made = self._changing.change(by, before, turn, still)
        return Made(resource=made, shown_once=None if key else new)

    def enable(self, by: Caller, before: Any_, *, still: Still = _any) -> Any_:
        """Let it take part again; harmless if it does."""
        return self._changing.turn(by, before, "", still)

    def disable(self, by: Caller, before: Any_, reason: str, *, still: Still = _any) -> Any_:
        """Let it take part in nothing until it is enabled; harmless if it is disabled."""
        return self._changing.turn(by, before, reason or f"disabled by {by.name}", still)

    def delete(self, by: Caller, before: Any_, *, force: bool = False, still: Still = _any) -> None:
        """Delete a resource with its secrets. Raises `NotFound`, and `Conflict` while schedules
        name it, or a pair of targets does, unless `force`."""
        still(before)
        if not force:
            self._ties.hold_unused(before)
        self._changing.remove(by, before, still)

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
        self._ties.hold_ends(after.what, project_id)
        if self._store.count(project_id) >= MOST:
            raise Conflict(
                f"there are {MOST:,} webhooks, repositories and targets {whose(project_id)}; "
                "delete some"
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
        there = self._changing.add(by, made, after.secrets)
        if there is None:
            return None
        return Made(resource=there, is_new=True, shown_once=generated)
