"""`POST /hooks/sendgrid/events`: what SendGrid tells us of mail.

SendGrid sends a list of events again until it is answered by 2xx, and repeats events anyway. What
was recorded before changes nothing.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from shared.api.bodies import JSON
from shared.api.deps import Provided
from shared.api.hooks.requests import Body, content_type, record, refuse, wrong_type
from shared.notifications.channels.mail import events
from shared.notifications.model import MAIL

router = APIRouter()

_KEY = "SENDGRID_WEBHOOK_KEY"


@router.post(events.EVENTS_PATH)
def sendgrid(app: Provided, request: Request, body: Body) -> Response:
    """Some events."""
    if content_type(request) != JSON:
        return wrong_type(JSON)
    belfry = app()
    values = belfry.settings.channels.get(MAIL)
    if values is None or not values[_KEY]:
        return refuse(request, belfry, "sendgrid", f"{_KEY} is not set")
    if not events.is_signed(body, request.headers, values[_KEY], belfry.clock.now()):
        reason = "the signature is missing, wrong or too old"
        return refuse(request, belfry, "sendgrid", reason)
    for news in events.deliveries(body):
        record(belfry, news)
    return Response(status_code=204)
