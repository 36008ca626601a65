"""Delivers an event to a webhook, in the form of Standard Webhooks (C12, docs/webhooks.md).

A delivery that does not arrive at once is tried further in the background, for three days; the job
does not wait for that.
"""

from __future__ import annotations

from pydantic import Field, JsonValue, field_validator

from shared.errors import Refused
from shared.resources.checks import webhook_fits
from shared.resources.port import ResourceService
from shared.tasks import JobContext, Proposed, Result, Retry, task
from shared.tasks.customers import CustomerParams, ResourceId
from shared.text import depth
from shared.webhooks.body import MOST_PAYLOAD, Wanted, size, written
from shared.webhooks.model import Delivery, DeliveryStatus
from shared.webhooks.port import WebhookService

_DEEPEST = 50


class WebhookDelivery(CustomerParams):
    """What is delivered, and where to."""

    RESOURCES = ("webhook_id",)

    webhook_id: ResourceId
    """The webhook, of the schedule's project."""
    event_type: str = Field(
        default="schedule.due", max_length=100, pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$"
    )
    """The `type` of the event, such as `campaign.started`."""
    payload: dict[str, JsonValue] = Field(default_factory=dict)
    """The `data` of the event: at most 18,000 bytes of JSON."""

    @field_validator("payload")
    @classmethod
    def _fits(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if depth(value) > _DEEPEST:
            raise ValueError(f"it is more than {_DEEPEST} levels deep")
        if (large := size(written(value))) > MOST_PAYLOAD:
            raise ValueError(f"it has {large:,} bytes; {MOST_PAYLOAD:,} can be delivered")
        return value


def _check(params: WebhookDelivery, proposed: Proposed, resources: ResourceService) -> None:
    webhook_fits(resources, params.webhook_id, proposed)


@task(
    "webhook_delivery",
    timeout_seconds=120,
    retry=Retry(attempts=3, first_delay_seconds=30),
    check=_check,
    for_projects=True,
    dry_run=True,
)
def webhook_delivery(job: JobContext, params: WebhookDelivery, webhooks: WebhookService) -> Result:
    """Delivers an event to a webhook."""
    if job.dry_run:
        host = webhooks.host(params.webhook_id, job.project_id)
        return {"status": "not sent", "would_go_to": host}
    done = webhooks.deliver(
        Wanted(
            webhook_id=params.webhook_id,
            project_id=job.project_id,
            type=params.event_type,
            data=params.payload,
            schedule_id=job.schedule_id,
            schedule_name=job.schedule_name,
            job_id=job.job_id,
            due_at=job.due_at,
            item=job.item,
        ),
        job.stop,
    )
    if done.status is DeliveryStatus.FAILED:
        raise Refused(f"webhook {params.webhook_id}", f"{done.error} (delivery {done.id})")
    result = _result(done)
    job.log(
        "delivered" if result["status"] == "delivered" else "goes on in the background",
        delivery_id=done.id,
        http_status=done.http_status,
        error=done.error,
    )
    return result


def _result(done: Delivery) -> Result:
    """What the job's result says of a delivery that has arrived, or still may."""
    delivered = done.status is DeliveryStatus.DELIVERED
    said: dict[str, object] = {
        "status": "delivered" if delivered else "retrying",
        "delivery_id": done.id,
        "http_status": done.http_status,
        "attempts": done.attempts,
    }
    if not delivered and done.next_at is not None:
        said |= {"next_attempt_at": done.next_at.isoformat(), "error": done.error}
    return said
