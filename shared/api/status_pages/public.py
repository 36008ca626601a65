"""`/status/{slug}`: a project's status page, for everybody: as HTML, as JSON, and as a badge.

These routes are of the site, which has no route of the API. They show what the page's owners chose,
and nothing of schedules, targets or jobs. A process keeps what a page says for some seconds, and
browsers and proxies keep the answer.
"""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Header, Response

from shared.api.deps import Provided
from shared.api.status_pages.shapes import PATH, PublicCheckOut, PublicDay, PublicPage
from shared.errors import NotFound
from shared.probes.pages import PublicCheck, Published

router = APIRouter(prefix=PATH)

_KEPT = "public, max-age=30"
_BARE = "default-src 'none'; frame-ancestors 'none'"
_SVG, _HTML, _JSON = "image/svg+xml", "text/html; charset=utf-8", "application/json"
Known = Annotated[str | None, Header(alias="If-None-Match")]


@router.get("/{slug}.json")
def status_page_as_json(app: Provided, slug: str, known: Known = None) -> Response:
    """What the page says, for programs of any origin."""
    page = app().status_pages().published(slug)
    answer = _answer(_out(page).model_dump_json(), _JSON, _BARE, known)
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer


@router.get("/{slug}")
def status_page(app: Provided, slug: str, known: Known = None) -> Response:
    """The page."""
    from shared.probes import drawing

    page = app().status_pages().published(slug)
    return _answer(drawing.html(page), _HTML, drawing.policy(), known)


@router.get("/{slug}/badge.svg")
def status_badge(app: Provided, slug: str, known: Known = None) -> Response:
    """The page's status as a badge."""
    from shared.probes import drawing

    page = app().status_pages().published(slug)
    return _picture(drawing.badge(page.title, page.status), known)


@router.get("/{slug}/{number}/badge.svg")
def check_badge(app: Provided, slug: str, number: str, known: Known = None) -> Response:
    """The status of one check as a badge; `number`: its place on the page, from 1 on."""
    from shared.probes import drawing

    page = app().status_pages().published(slug)
    place = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else 0
    if not 1 <= place <= len(page.checks):
        raise NotFound(f"the page has {len(page.checks)} checks")
    one = page.checks[place - 1]
    return _picture(drawing.badge(one.name, one.status), known)


def _picture(svg: str, known: str | None) -> Response:
    answer = _answer(svg, _SVG, _BARE, known)
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


def _answer(body: str, media_type: str, policy: str, known: str | None) -> Response:
    content = body.encode()
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {
        "ETag": etag,
        "Cache-Control": _KEPT,
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    tags = [one.strip().removeprefix("W/") for one in (known or "").split(",")]
    if etag in tags or "*" in tags:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def _out(page: Published) -> PublicPage:
    return PublicPage(
        title=page.title,
        description=page.description,
        status=page.status,
        updated_at=page.updated_at,
        checks=[_check(one) for one in page.checks],
    )


def _check(one: PublicCheck) -> PublicCheckOut:
    days = [PublicDay(day=day, uptime=uptime) for day, uptime in one.days]
    return PublicCheckOut(
        name=one.name,
        status=one.status,
        uptime=dict(one.uptime),
        median_ms=one.median_ms,
        days=days,
    )
