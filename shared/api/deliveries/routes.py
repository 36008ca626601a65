"""`/api/v1/webhooks/{webhook_id}/deliveries`: what was delivered to a webhook, and again; tests."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path

from shared.access import Caller
from shared.api.deliveries.shapes import (
    DeliveryDetail,
    DeliveryList,
    DeliveryOut,
    RedeliverAll,
    Redelivered,
)
from shared.api.deps import Asking, Provided
from shared.api.fields import formed
from shared.api.lists import PAGE_SIZE, Page, PageSize, Since, Until, counts, span
from shared.api.resources.named import Project, WebhookId, found
from shared.app import App
from shared.errors import Invalid
from shared.resources.model import Kind
from shared.webhooks.body import ID
from shared.webhooks.model import DeliveryStatus
from shared.webhooks.port import Asked

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"])

DeliveryId = Annotated[
    str,
    Path(json_schema_extra={"pattern": f"^{ID}$"}),
    formed(ID, "it is no id of a delivery; GET /api/v1/webhooks/{webhook_id}/deliveries has them"),
]
_ONE = "/{webhook_id}/deliveries/{delivery_id}"


@router.get("/{webhook_id}/deliveries")
def list_deliveries(
    app: Provided,
    by: Asking,
    webhook_id: WebhookId,
    project_id: Project = None,
    status: DeliveryStatus | None = None,
    since: Since = None,
    until: Until = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> DeliveryList:
    """The deliveries to a webhook, newest first: of the last 30 days, and those that go on. `from`
    and `to` are of when they were due."""
    belfry = app()
    first, end = span(since, until)
    asked = Asked(status=status, since=first, until=end)
    project = _project(belfry, by, webhook_id, project_id)
    items, total = belfry.webhooks().page(webhook_id, project, asked, page, page_size)
    return DeliveryList(
        deliveries=[DeliveryOut.model_validate(one) for one in items],
        **counts(total, page, page_size),
    )


@router.get(_ONE)
def read_delivery(
    app: Provided,
    by: Asking,
    webhook_id: WebhookId,
    delivery_id: DeliveryId,
    project_id: Project = None,
) -> DeliveryDetail:
    """One delivery, with what was sent and what was answered."""
    belfry = app()
    project = _project(belfry, by, webhook_id, project_id)
    return DeliveryDetail.model_validate(belfry.webhooks().get(webhook_id, project, delivery_id))


@router.post(f"{_ONE}/redeliver")
def redeliver(
    app: Provided,
    by: Asking,
    webhook_id: WebhookId,
    delivery_id: DeliveryId,
    project_id: Project = None,
) -> DeliveryOut:
    """Deliver it again, within a minute, with the same `webhook-id` and body: a new series of
    attempts begins."""
    belfry = app()
    project = _project(belfry, by, webhook_id, project_id)
    done = belfry.webhooks().redeliver(by, webhook_id, project, delivery_id)
    return DeliveryOut.model_validate(done)


@router.post("/{webhook_id}/redeliver")
def redeliver_many(
    app: Provided,
    by: Asking,
    webhook_id: WebhookId,
    wanted: RedeliverAll,
    project_id: Project = None,
) -> Redelivered:
    """Deliver all of a span again, as after the receiver was away for long."""
    if not wanted.status.ended:
        raise Invalid("status", "give failed or delivered: the others go on by themselves")
    belfry = app()
    first, end = span(wanted.since, wanted.until, ("since", "until"))
    asked = Asked(status=wanted.status, since=first, until=end)
    project = _project(belfry, by, webhook_id, project_id)
    count = belfry.webhooks().redeliver_all(by, webhook_id, project, asked)
    return Redelivered(redelivered=count)


@router.post("/{webhook_id}/test")
def test_webhook(
    app: Provided, by: Asking, webhook_id: WebhookId, project_id: Project = None
) -> DeliveryDetail:
    """Send one test now, also to a webhook that is disabled, and show what came of it. It is not
    tried again."""
    belfry = app()
    project = _project(belfry, by, webhook_id, project_id)
    return DeliveryDetail.model_validate(belfry.webhooks().test(by, webhook_id, project))


def _project(
    belfry: App, by: Caller, webhook_id: str, given: int | Literal["none"] | None
) -> int | None:
    """The project of the webhook. What a caller does not see does not exist for it."""
    return found(belfry, by, Kind.WEBHOOK, webhook_id, given).project_id
