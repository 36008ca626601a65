"""Answers that show an object with its ETag, and conditional requests (RFC 9110, 8.8.3 and 13.1).

An ETag is `"REVISION-DIGEST"`: the revision of what people decided (of a schedule, its definition
and policies), and a digest of the whole answer. A change is held back (`If-Match`) only if somebody
else changed what people decide: that a run ended meanwhile does not make a caller's knowledge
stale. An answer is left out (`If-None-Match`) only if nothing in it changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Any, Protocol, TypeAlias

from fastapi import Depends, Header, Response
from pydantic import WithJsonSchema

from shared.api.shown import Shown
from shared.errors import Invalid, Stale

JSON = "application/json"
_LIST = re.compile(r'\s*(?:(?P<weak>W/)?"(?P<tag>[\x21\x23-\x7e\x80-\xff]*)")\s*(?:,|$)')
"""An entity tag of a list (RFC 9110, 8.8.3)."""
_OURS = re.compile(r"(?P<revision>[0-9]+)(-[0-9a-f]+)?")
_ANY = "*"
_EXAMPLE = 'give "*", or an ETag as an answer had it, such as "7-1f0c3a9d2b4e"'

_Tags = Annotated[
    str,
    WithJsonSchema({"type": "string", "pattern": r'^(\*|(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*")*)$'}),
]

_ETAG = {"description": "Its revision and a digest of the answer.", "schema": {"type": "string"}}
TAGGED: dict[int | str, dict[str, Any]] = {200: {"headers": {"ETag": _ETAG}}}
"""The answer of a route that shows an object, in the description."""
MADE: dict[int | str, dict[str, Any]] = {
    201: {
        "headers": {
            "ETag": _ETAG,
            "Location": {"description": "Where it is.", "schema": {"type": "string"}},
        }
    }
}
"""The answer of a route that makes one."""
UNCHANGED: dict[int | str, dict[str, Any]] = {**TAGGED, 304: {}}
"""The answers of a route that takes `Unless`."""
GUARDED: dict[int | str, dict[str, Any]] = {412: {}}
"""An answer of a route that takes `IfStill`."""

Tag: TypeAlias = tuple[bool, str]
"""(whether it is weak, its text)."""


class Revised(Protocol):
    """What people change: a schedule, a calendar, a key."""

    @property
    def id(self) -> str: ...
    @property
    def revision(self) -> int:
        """Grows with each change by which people decide something."""
        ...


def told(body: Shown, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The object as an answer."""
    return Response(body.model_dump_json(by_alias=True), status, dict(headers or {}), JSON)


def tagged(
    one: Revised,
    body: Shown,
    status: int = 200,
    *,
    at: str | None = None,
    more: Shown | None = None,
) -> Response:
    """An object, as `body` shows it, with its ETag; `at`: the path at which it is, if it is new.

    `more` is sent instead, if given: what a change says beside the object. The ETag is that of a
    later read.
    """
    digest = sha256(body.model_dump_json(by_alias=True).encode()).hexdigest()[:12]
    headers = {"ETag": f'"{one.revision}-{digest}"'}
    if at is not None:
        headers["Location"] = at
    return told(body if more is None else more, status, headers)


async def _if_still(
    if_match: Annotated[_Tags | None, Header(alias="If-Match")] = None,
) -> Callable[[Revised], None]:
    """Raises `Stale` for an object that is not the one which the caller knows.

    The comparison is the strong one (RFC 9110, 13.1.1): a weak tag fits nothing.
    """
    tags = _tags("If-Match", if_match)
    known = None if tags is None else {_revision(tag) for tag in tags}

    def hold(one: Revised) -> None:
        if known is not None and one.revision not in known:
            raise Stale(f"{one.id} was changed since; read it again, and decide again")

    return hold


IfStill: TypeAlias = Annotated[Callable[[Revised], None], Depends(_if_still)]
"""Of a route that changes an object: what to call with the object that is to be changed."""


async def _unless(
    if_none_match: Annotated[_Tags | None, Header(alias="If-None-Match")] = None,
) -> Callable[[Response], Response]:
    """Replaces an answer that the caller has already by 304.

    The comparison is the weak one (RFC 9110, 13.1.2).
    """
    tags = _tags("If-None-Match", if_none_match)
    known = {f'"{text}"' for _, text in tags or ()}

    def left_out(answer: Response) -> Response:
        tag = answer.headers["ETag"]
        fits = tag in known or (if_none_match is not None and tags is None)
        return Response(status_code=304, headers={"ETag": tag}) if fits else answer

    return left_out


Unless: TypeAlias = Annotated[Callable[[Response], Response], Depends(_unless)]
"""Of a route that shows an object: what to pass its answer through."""


def _tags(name: str, text: str | None) -> Sequence[Tag] | None:
    """The tags of a header; None for `*`, or if it is left out. Raises `Invalid`."""
    if text is None or text.strip() == _ANY:
        return None
    found: list[Tag] = []
    at = 0
    while at < len(text):
        match = _LIST.match(text, at)
        if match is None:
            break
        found.append((match["weak"] is not None, match["tag"]))
        at = match.end()
    if not found or at < len(text) or text.rstrip().endswith(","):
        raise Invalid(name, _EXAMPLE)
    return found


def _revision(tag: Tag) -> int | None:
    """The revision that a tag names; None for one that is weak, or not ours."""
    weak, text = tag
    match = None if weak else _OURS.fullmatch(text)
    return None if match is None or len(match["revision"]) > 18 else int(match["revision"])
