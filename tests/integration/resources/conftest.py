"""The API of resources over an app of its own, with a task that names a webhook and a target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.azurite import Azurite
from shared.resources.checks import target_fits, webhook_fits
from shared.resources.port import ResourceService
from shared.resources.service import Resources
from shared.secrets.port import Kept, SecretStore
from shared.tasks import JobContext, Proposed, Result, task
from shared.tasks.customers import CustomerParams, ResourceId
from tests import sdk
from tests.integration.engine.conftest import make, tap
from tests.integration.schedules.conftest import Counter

HOOK: dict[str, Any] = {
    "project_id": 1,
    "name": "campaign",
    "url": "https://example.com/hook/s3cr3t",
}


class Delivery(CustomerParams):
    webhook_id: ResourceId
    target_id: ResourceId | None = None


def _fits(params: Delivery, proposed: Proposed, resources: ResourceService) -> None:
    webhook_fits(resources, params.webhook_id, proposed)
    if params.target_id is not None:
        target_fits(resources, params.target_id, proposed)


@task("delivers", timeout_seconds=60, check=_fits, for_projects=True)
def delivers(job: JobContext, params: Delivery, resources: ResourceService) -> Result:
    """Says how long the URL is, and never what it is."""
    hook = resources.webhook(params.webhook_id, job.project_id)
    return {"letters": len(hook.secrets["url"].reveal()), "disabled": bool(hook.disabled)}


class Shelf(Counter):
    """Where people ask for resources too."""

    @property
    def resources(self) -> Resources:
        return self.engine.app.resources()

    @property
    def secrets(self) -> SecretStore:
        return self.resources._finding.secrets

    def hook(self, webhook_id: str = "15", **fields: Any) -> dict[str, Any]:
        return self.told("PUT", f"/webhooks/{webhook_id}", HOOK | fields)

    def delivery(self, webhook_id: object = 15, **fields: Any) -> dict[str, Any]:
        body = {"task_type": "delivers", "task_parameters": {"webhook_id": webhook_id}}
        return self.made(**body | {"project_id": 1} | fields)

    def kept(self) -> list[Kept]:
        """All secrets that are stored."""
        return [*self.secrets.all()]

    def rows(self) -> str:
        """Everything that is in the tables, as text."""
        app = self.engine.app
        names = app.connection.table_names(app.settings.prefix)
        return str([[*sdk.tables(app).get_table_client(one).list_entities()] for one in names])


@pytest.fixture
def shelf(azurite: Azurite) -> Iterator[Shelf]:
    engine = make(azurite, tasks=[delivers])
    tap(engine)
    yield Shelf(engine)
    engine.calls.hold.set()
