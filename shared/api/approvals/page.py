"""`/approve/{token}`: the page that a link in a mail or a chat opens, without a key.

GET and HEAD change nothing, whoever follows the link: mail scanners do, too. What decides is the
page's form, which is sent by a click and carries a token that is bound to the link.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request, Response

from shared.access import Caller, Role
from shared.api.deps import Provided
from shared.api.door import address
from shared.app import App
from shared.approvals import approvers, drawing, links
from shared.approvals.model import Answer, Approval, How
from shared.errors import BelfryError, Conflict, Forbidden, NotFound

router = APIRouter(prefix=links.PATH)

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": drawing.policy(),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}
_FROM_HERE = (None, "same-origin", "none")


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, each once."""
    body = (await request.body()).decode("utf-8", "replace")
    return {name: values[0] for name, values in parse_qs(body, max_num_fields=20).items()}


Fields = Annotated[dict[str, str], Depends(_form)]


@router.get("/{token}")
def show_approval(app: Provided, token: str) -> Response:
    """What will happen, and the form by which it is decided."""
    belfry = app()
    try:
        link, found = _read(belfry, token)
    except NotFound as error:
        return _answer(drawing.wrong(str(error)), 404)
    now = belfry.approvals().seen(found)
    return _answer(drawing.page(now, _form_token(belfry, token, link, now), link.recipient))


@router.post("/{token}")
def decide_by_link(app: Provided, request: Request, token: str, fields: Fields) -> Response:
    """Take the answer of whoever got the link."""
    belfry = app()
    try:
        link, found = _read(belfry, token)
    except NotFound as error:
        return _answer(drawing.wrong(str(error)), 404)
    try:
        done = _decided(belfry, request, token, link, found, fields)
    except (Conflict, Forbidden, NotFound) as error:
        now = belfry.approvals().seen(belfry.approvals().store.find(found.id) or found)
        form = _form_token(belfry, token, link, now)
        return _answer(drawing.page(now, form, link.recipient, _said(error)), _status(error))
    return _answer(drawing.page(done, "", link.recipient))


def _decided(
    belfry: App,
    request: Request,
    token: str,
    link: links.Link,
    found: Approval,
    fields: dict[str, str],
) -> Approval:
    key, digest = belfry.meta.secret(links.KEY), fields.get("digest", "")
    own = links.is_form_token(key, token, digest, fields.get("form", ""))
    if not own or request.headers.get("sec-fetch-site") not in _FROM_HERE:
        raise Forbidden("this is not the form of the page; open the link, and decide there")
    if not _may(belfry, link, found):
        raise Forbidden("this link is not of a person who approves for this project (any more)")
    try:
        answer = Answer(fields.get("answer", ""))
    except ValueError:
        raise Conflict("say whether you approve or reject it") from None
    caller = Caller(
        name=link.recipient,
        role=Role.OPERATOR,
        projects=None if found.project_id is None else frozenset({found.project_id}),
        address=address(request.scope, proxied=belfry.settings.access.on_azure),
        request_id=request.scope.get("azure_functions.invocation_id"),
    )
    return belfry.approvals().decide(
        found.id,
        caller,
        answer,
        shown=digest,
        reason=fields.get("reason", "").strip()[:1000] or None,
        how=How.LINK,
    )


def _read(belfry: App, token: str) -> tuple[links.Link, Approval]:
    """(the link, its approval). Raises `NotFound`."""
    link = links.read(belfry.meta.secret(links.KEY), token, belfry.clock.now())
    return link, belfry.approvals().store.get(link.approval)


def _may(belfry: App, link: links.Link, approval: Approval) -> bool:
    """Whether whoever got the link is still told of the project's approvals."""
    who = belfry.settings.approvals.approvers
    return bool(link.recipient) and approvers.is_approver(who, approval.project_id, link.recipient)


def _form_token(belfry: App, token: str, link: links.Link, approval: Approval) -> str:
    """What the page's form carries; empty if whoever has the link cannot decide."""
    if not _may(belfry, link, approval) or approval.is_excluded(link.recipient):
        return ""
    return links.form_token(belfry.meta.secret(links.KEY), token, approval.digest)


def _said(error: BelfryError) -> str:
    text = str(error)
    return f"{text[0].upper()}{text[1:]}."


def _status(error: BelfryError) -> int:
    return 409 if isinstance(error, Conflict) else 403


def _answer(body: str, status: int = 200) -> Response:
    return Response(body, status, _HEADERS, "text/html; charset=utf-8")
