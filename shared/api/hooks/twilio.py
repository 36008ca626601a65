"""`POST /hooks/twilio/status` and `POST /hooks/twilio/inbound`: what Twilio tells us.

Twilio signs the URL that it called. Behind a front end, the URL that arrives here is another, and
headers that name the first one may be forged. So it is made from PUBLIC_BASE_URL, the hook's path
and the query as it came.
"""

from __future__ import annotations

import logging
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from shared.api.deps import Provided
from shared.api.hooks.requests import Body, content_type, record, refuse, wrong_type
from shared.app import App
from shared.errors import Invalid, Misconfigured
from shared.log import Event, event
from shared.notifications.channels.sms import callbacks
from shared.notifications.channels.sms.signature import is_signed
from shared.notifications.consent import Consent, change, is_opt_out, withdraw
from shared.notifications.kinds import SMS

router = APIRouter()

_logger = logging.getLogger("belfry.hooks")

_FORM = "application/x-www-form-urlencoded"
_FIELDS = 200
"""More than Twilio ever sends."""
_NOTHING = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
"""TwiML that answers nothing."""

Fields = dict[str, str]


@router.post(callbacks.STATUS_PATH)
def status(
    app: Provided, request: Request, body: Body, id: Annotated[str, Query()] = ""
) -> Response:
    """The status of the notification `id` has changed."""
    belfry = app()
    fields = _verified(belfry, request, body, callbacks.STATUS_PATH)
    if isinstance(fields, Response):
        return fields
    news = callbacks.delivery(id, fields)
    if news is None:
        said = fields.get("MessageStatus")
        event(_logger, Event.HOOK_IGNORED, notification_id=id, status=said)
        return Response(status_code=204)
    record(belfry, news)
    if is_opt_out(news) and (number := fields.get("To")):
        withdraw(_consent(belfry), belfry.audit, number, id)
    return Response(status_code=204)


@router.post(callbacks.INBOUND_PATH)
def inbound(app: Provided, request: Request, body: Body) -> Response:
    """Somebody has written to our number. STOP and START change who gets text messages; of all else
    only the fact is logged. Twilio itself answers STOP."""
    belfry = app()
    fields = _verified(belfry, request, body, callbacks.INBOUND_PATH)
    if isinstance(fields, Response):
        return fields
    number = fields.get("From", "")
    if not number:
        raise Invalid("From", "it is missing")
    wish = callbacks.wish(fields)
    message = fields.get("MessageSid", "")
    event(_logger, Event.TEXT_RECEIVED, provider_id=message, wish=wish)
    if wish is not None:
        _obey(belfry, wish, number, message)
    return Response(_NOTHING, media_type="text/xml")


def _obey(belfry: App, wish: callbacks.Wish, number: str, message: str) -> None:
    """What is no phone number, such as a short code, is nobody's: there is nothing to change."""
    agrees = wish is not callbacks.Wish.STOP
    try:
        change(_consent(belfry), belfry.audit, number, agrees, message)
    except Invalid:
        event(_logger, Event.HOOK_IGNORED, reason="it comes from no phone number")


def _consent(belfry: App) -> Consent:
    settings = belfry.settings
    if not settings.database_url:
        raise Misconfigured("DATABASE_URL is not set; it says who agrees to text messages")
    return Consent(settings.database_url, settings.sms.default_region)


def _verified(belfry: App, request: Request, body: bytes, path: str) -> Fields | Response:
    """The form's fields, if Twilio signed them; else the answer to give."""
    if content_type(request) != _FORM:
        return wrong_type(_FORM)
    try:
        pairs = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=_FIELDS,
        )
    except ValueError:
        raise Invalid("body", f"it cannot be read as {_FORM} in UTF-8") from None
    if (reason := _unsigned(belfry, request, pairs, path)) is not None:
        return refuse(request, belfry, "twilio", reason)
    return dict(reversed(pairs))  # of several with one name, the first


def _unsigned(belfry: App, request: Request, pairs: list[tuple[str, str]], path: str) -> str | None:
    """Why the request is not known to be Twilio's; None if it is."""
    values = belfry.settings.channels.get(SMS)
    if values is None:
        return "TWILIO_AUTH_TOKEN is not set"
    base = values["PUBLIC_BASE_URL"].reveal()
    if not base:
        return "PUBLIC_BASE_URL is not set"
    query = request.scope["query_string"].decode("latin-1")
    signed = is_signed(
        f"{base}{path}" + (f"?{query}" if query else ""),
        pairs,
        request.headers,
        token=values["TWILIO_AUTH_TOKEN"],
        shared_key=values["TWILIO_WEBHOOK_SECRET"],
    )
    return None if signed else "the signature is missing or wrong"
