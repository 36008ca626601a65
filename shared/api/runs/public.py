"""`/events/{run}/{name}/{token}`: takes an event for a run by its signed URL, without a key.

GET and HEAD change nothing, and look nothing up: mail scanners open links. They answer with a page
whose button sends the event. A URL that nobody signed and one of a run that is gone are answered
alike.
"""

from __future__ import annotations

import json
from typing import Annotated, NoReturn

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from shared.api.answers import told
from shared.api.deps import Provided
from shared.api.runs.routes import DATA, send
from shared.api.runs.shapes import EventTaken, NewEvent
from shared.errors import Invalid, NotFound
from shared.workflows import links

router = APIRouter(prefix=links.PATH)

_GONE = "this URL is wrong, or its run is gone"
_FORM = "application/x-www-form-urlencoded"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Confirm</title></head><body>
<p>{}</p>
{}</body></html>
"""
_BUTTON = '<form method="post"><button>Confirm</button></form>\n'
_ASK = (
    "Nothing was sent yet: opening this address changes nothing. Press the button to confirm. "
    "A program sends a POST, with a JSON object or without a body."
)
_DONE = "Thank you. It was received; you can close this page."


async def _body(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_body)]
Key = Annotated[str | None, Header(alias="Idempotency-Key")]
Kind = Annotated[str, Header(alias="Content-Type")]


@router.get("/{run_id}/{name}/{token}")
def ask_for_event() -> Response:
    """Say that this takes a POST."""
    return _page(_ASK, _BUTTON)


@router.post("/{run_id}/{name}/{token}")
def take_event(
    app: Provided,
    run_id: str,
    name: str,
    token: str,
    body: Body,
    key: Key = None,
    kind: Kind = "",
) -> Response:
    """Take an event. The body is its data; `Idempotency-Key`: the sender's own id of it."""
    belfry = app()
    if not links.is_token(belfry.meta.secret(links.KEY), run_id, name, token):
        raise NotFound(_GONE)
    by_button = kind.startswith(_FORM)
    event = _event(key, b"" if by_button else body)
    try:
        new = send(belfry, run_id, name, event)
    except NotFound:
        raise NotFound(_GONE) from None
    return _page(_DONE) if by_button else told(EventTaken(new=new), 200, _HEADERS)


def _event(key: str | None, body: bytes) -> NewEvent:
    """Raises `Invalid`, `RequestValidationError`."""
    try:
        text = body.decode()
        if len(text) > DATA:
            raise Invalid("body", f"it has {len(text):,} characters; {DATA:,} can be")
        data = json.loads(text, parse_constant=_none) if text.strip() else {}
    except (ValueError, RecursionError):
        raise Invalid("body", "send a JSON object in UTF-8, or no body") from None
    try:
        return NewEvent.model_validate({"id": key, "data": data})
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


def _none(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _page(said: str, more: str = "") -> Response:
    page = _PAGE.format(said, more)
    return Response(page, headers=_HEADERS, media_type="text/html; charset=utf-8")
