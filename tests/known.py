"""The resources of a test: a `ResourceService` that knows what it was told, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from shared.errors import NotFound
from shared.resources.model import Described, Kind, Resource
from shared.resources.repositories import Repository
from shared.resources.rows import MODELS
from shared.resources.targets import Target
from shared.resources.webhooks import Webhook
from shared.settings import Secret

D = TypeVar("D", bound=Described)
_MADE = datetime(2026, 3, 1, tzinfo=UTC)
_KINDS = {model: kind for kind, model in MODELS.items()}


class Known:
    """What is known, by (kind, id, project)."""

    def __init__(self) -> None:
        self.resources: dict[tuple[Kind, str, int | None], Resource[Any]] = {}

    def keep(
        self, what: D, id: str, project_id: int | None, secrets: Mapping[str, str]
    ) -> Resource[D]:
        """Know it from now on."""
        made = Resource(
            kind=_KINDS[type(what)],
            id=id,
            project_id=project_id,
            what=what,
            secrets={name: Secret(value) for name, value in secrets.items()},
            created_at=_MADE,
            updated_at=_MADE,
        )
        self.resources[made.kind, id, project_id] = made
        return made

    def alter(self, kind: Kind, id: str, project_id: int | None, **changes: Any) -> None:
        """Know it as it is after a change."""
        self.resources[kind, id, project_id] = replace(self._find(kind, id, project_id), **changes)

    def webhook(self, webhook_id: str, project_id: int | None) -> Resource[Webhook]:
        return self._find(Kind.WEBHOOK, webhook_id, project_id)

    def repository(self, repository_id: str, project_id: int | None) -> Resource[Repository]:
        return self._find(Kind.REPOSITORY, repository_id, project_id)

    def target(self, target_id: str, project_id: int | None) -> Resource[Target]:
        return self._find(Kind.TARGET, target_id, project_id)

    def targets(self, project_id: int | None) -> Sequence[Resource[Target]]:
        return [
            one
            for (kind, _, project), one in self.resources.items()
            if kind is Kind.TARGET and project == project_id
        ]

    def disable_webhook(self, webhook_id: str, project_id: int | None, reason: str) -> None:
        self.alter(Kind.WEBHOOK, webhook_id, project_id, disabled=reason)

    def _find(self, kind: Kind, id: str, project_id: int | None) -> Resource[Any]:
        found = self.resources.get((kind, id, project_id))
        if found is None:
            raise NotFound(f"there is no {kind} {id!r}")
        return found
