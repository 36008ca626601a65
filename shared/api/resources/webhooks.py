"""`/api/v1/webhooks`: where customers want events delivered."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Response

from shared.api import scope
from shared.api.answers import GUARDED, MADE, TAGGED, UNCHANGED, IfStill, Unless
from shared.api.deps import Asking, Provided
from shared.api.idempotency import Once
from shared.api.lists import PAGE_SIZE, Page, PageSize, counts
from shared.api.query import Number
from shared.api.resources.named import Force, Project, WebhookId, found, shown
from shared.api.resources.shapes.resource import Disabled
from shared.api.resources.shapes.webhooks import (
    NewWebhook,
    Rotation,
    WebhookChange,
    WebhookList,
    WebhookMade,
    WebhookOut,
)
from shared.engine.commands.agreed import Agreed
from shared.resources.model import Kind
from shared.resources.service import Made
from shared.settings import Secret

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"])

_KIND = Kind.WEBHOOK
_ID = "/{webhook_id}"


@router.post("", status_code=201, response_model=WebhookMade, responses=MADE)
def create_webhook(app: Provided, by: Asking, once: Once, new: NewWebhook) -> Response:
    """Make a webhook. A signing key that is not given is made, and shown in this answer only: a
    request that is answered again does not show it. A caller of one project makes it there."""
    belfry = app()
    project = scope.new_project(by, new.project_id)
    done: list[Made] = []

    def make(agreed: Agreed) -> Response:
        made = belfry.resources().create(by, _KIND, project, new.wanted(), agreed=agreed)
        done.append(made)
        return _made(made, 201, once=False)

    answer = once.answered(belfry, make)  # which keeps it for a day, and so must not have the key
    return _made(done[0], 201) if done else answer


@router.get("")
def list_webhooks(
    app: Provided,
    by: Asking,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
    project_id: Number | None = None,
) -> WebhookList:
    """The webhooks of the caller's projects, by project and id."""
    listed = app().resources().page(by, _KIND, project_id, page, page_size)
    items = [WebhookOut.of(one) for one in listed.items]
    return WebhookList(webhooks=items, **counts(listed.total, page, page_size))


@router.get(_ID, response_model=WebhookOut, responses=UNCHANGED)
def read_webhook(
    app: Provided, by: Asking, webhook_id: WebhookId, unless: Unless, project_id: Project = None
) -> Response:
    """One webhook."""
    one = found(app(), by, _KIND, webhook_id, project_id)
    return unless(shown(one, WebhookOut.of(one)))


@router.put(_ID, response_model=WebhookMade, responses={**TAGGED, **MADE, **GUARDED})
def put_webhook(
    app: Provided, by: Asking, webhook_id: WebhookId, new: NewWebhook, still: IfStill
) -> Response:
    """Make a webhook under an id of one's own (201), or say anew what it is (200): what is left out
    has its default then, except a signing key, which stays."""
    project = scope.new_project(by, new.project_id)
    made = app().resources().put(by, _KIND, webhook_id, project, new.wanted(), still=still)
    return _made(made, 201 if made.is_new else 200)


@router.patch(_ID, response_model=WebhookOut, responses=TAGGED | GUARDED)
def change_webhook(
    app: Provided,
    by: Asking,
    webhook_id: WebhookId,
    changes: WebhookChange,
    still: IfStill,
    project_id: Project = None,
) -> Response:
    """Change what is given."""
    belfry = app()
    one = found(belfry, by, _KIND, webhook_id, project_id)
    made = belfry.resources().change(by, one, changes.onto, still=still).resource
    return shown(made, WebhookOut.of(made))


@router.delete(_ID, status_code=204, response_class=Response, responses=GUARDED)
def delete_webhook(
    app: Provided,
    by: Asking,
    webhook_id: WebhookId,
    still: IfStill,
    project_id: Project = None,
    force: Force = False,
) -> None:
    """Delete it, with its secrets. Refused while schedules name it, unless `force`."""
    belfry = app()
    one = found(belfry, by, _KIND, webhook_id, project_id)
    belfry.resources().delete(by, one, force=force, still=still)


@router.post(_ID + "/rotate", response_model=WebhookMade, responses=TAGGED | GUARDED)
def rotate_webhook(
    app: Provided,
    by: Asking,
    webhook_id: WebhookId,
    still: IfStill,
    request: Rotation | None = None,
    project_id: Project = None,
) -> Response:
    """Give it a new signing key. Deliveries are signed with the one before as well until the
    overlap ends, so receivers can change over meanwhile."""
    belfry, asked = app(), request or Rotation()
    one = found(belfry, by, _KIND, webhook_id, project_id)
    key = Secret(asked.signing_key) if asked.signing_key else None
    overlap = timedelta(hours=asked.overlap_hours)
    return _made(belfry.resources().rotate(by, one, overlap, key, still=still), 200)


@router.post(_ID + "/enable", response_model=WebhookOut, responses=TAGGED | GUARDED)
def enable_webhook(
    app: Provided, by: Asking, webhook_id: WebhookId, still: IfStill, project_id: Project = None
) -> Response:
    """Deliver to it again."""
    belfry = app()
    one = found(belfry, by, _KIND, webhook_id, project_id)
    made = belfry.resources().enable(by, one, still=still)
    return shown(made, WebhookOut.of(made))


@router.post(_ID + "/disable", response_model=WebhookOut, responses=TAGGED | GUARDED)
def disable_webhook(
    app: Provided,
    by: Asking,
    webhook_id: WebhookId,
    still: IfStill,
    request: Disabled | None = None,
    project_id: Project = None,
) -> Response:
    """Deliver nothing more to it, until it is enabled."""
    belfry = app()
    one = found(belfry, by, _KIND, webhook_id, project_id)
    reason = request.reason if request else ""
    made = belfry.resources().disable(by, one, reason, still=still)
    return shown(made, WebhookOut.of(made))


def _made(made: Made, status: int, *, once: bool = True) -> Response:
    plain = WebhookOut.of(made.resource)
    return shown(made.resource, plain, status, WebhookMade.after(made, once=once))
