"""Requests that may be sent again: the header `Idempotency-Key`.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header

For 24 hours, a caller's request with the same key gets the answer of the first. If the first was
cut off, by a crash or by storage that went away, the next one ends it: what the first decided is
kept before it is done (`storage.tables.answers`), so nothing is made twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, TypeAlias

from fastapi import Depends, Header, Request, Response
from pydantic import WithJsonSchema

from shared.access import Caller
from shared.api.deps import Asking
from shared.app import App
from shared.engine.commands.agreed import Agreed, afresh
from shared.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    Stale,
    Unavailable,
)
from shared.storage.tables.answers import Answer, Entry

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
"""How long an answer is kept. After that the key is as new."""
_PATIENCE = timedelta(seconds=60)
"""How long a request may take before another with its key does it again."""
_TEXT = "[!#-~]{1,255}"
_Key = Annotated[str, WithJsonSchema({"type": "string", "pattern": f'^("{_TEXT}"|{_TEXT})$'})]
_REPLAYED = {"Idempotency-Replayed": "true"}
_SHOWN = ("etag", "location")
"""The headers of an answer that are kept with it."""
_DECIDED = (Invalid, NotFound, Conflict, Forbidden, Stale)
"""Refusals after which nothing was done."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request, and its key if it has one."""

    name: str | None
    """A digest of the caller and the key; None: it has none."""
    request: str
    """A digest of the request."""

    def answered(self, belfry: App, make: Callable[[Agreed], Response]) -> Response:
        """The answer that the request got before; else the one that `make` gives it.

        `make` is called with what keeps the ids on which it decides. Raises `Invalid` if the key
        was another request's, and `Conflict` while that one is being answered.
        """
        if self.name is None:
            return make(afresh)
        entry = self._claimed(belfry, self.name)
        if entry.answer is not None:
            return _again(entry.answer)
        doing = _Doing(belfry, entry)
        try:
            answer = make(doing.agreed)
        except _DECIDED:
            doing.give_up()
            raise
        except Exception:
            doing.let_go()
            raise
        doing.end(answer)
        return answer

    def _claimed(self, belfry: App, name: str) -> Entry:
        """The request, answered before or ours to answer."""
        now = belfry.clock.now()
        before = belfry.answers.find(name)
        if before is not None and now - before.at < KEPT:
            self._hold(before, now)
            if before.answer is not None:
                return before
            after = replace(before, until=now + _PATIENCE)
        else:
            after = Entry(name=name, request=self.request, at=now, until=now + _PATIENCE)
        claimed = belfry.answers.write(before, after)
        if claimed is None:
            raise _busy()
        return claimed

    def _hold(self, before: Entry, now: datetime) -> None:
        if before.request != self.request:
            raise Invalid(HEADER, "another request had this key; give each request one of its own")
        if before.answer is None and before.until > now:
            raise _busy()


class _Doing:
    """A request that this process is answering."""

    def __init__(self, belfry: App, entry: Entry) -> None:
        self._belfry = belfry
        self._entry = entry
        self._again = entry.plan is not None

    def agreed(self, decide: Callable[[], Sequence[str]]) -> Sequence[str]:
        """The ids that were decided on, by this process or by the one before."""
        if self._entry.plan is None:
            self._write(replace(self._entry, plan=list(decide())))
        return self._entry.plan or ()

    def end(self, answer: Response) -> None:
        """Keep the answer. Whoever has taken the request over meanwhile keeps the same."""
        headers = {name: answer.headers[name] for name in _SHOWN if name in answer.headers}
        kept = Answer(status=answer.status_code, headers=headers, body=bytes(answer.body))
        self._belfry.answers.write(self._entry, replace(self._entry, answer=kept))

    def give_up(self) -> None:
        """Nothing was done: the key may be used again. But if this was not the first process, the
        one before may have done something."""
        if self._again:
            self.let_go()
        else:
            self._belfry.answers.forget(self._entry)

    def let_go(self) -> None:
        """It is not known how far it came: the next one may go on at once, or after `_PATIENCE` if
        storage is away."""
        with suppress(Unavailable, Refused):
            self._belfry.answers.write(self._entry, replace(self._entry, until=self._entry.at))

    def _write(self, after: Entry) -> None:
        stored = self._belfry.answers.write(self._entry, after)
        if stored is None:
            raise _busy()
        self._entry = stored


def _busy() -> Conflict:
    return Conflict("the first request with this key is still being answered; ask again later")


def _again(answer: Answer) -> Response:
    headers = {**answer.headers, **_REPLAYED}
    return Response(answer.body, answer.status, headers, "application/json")


async def _keyed(
    request: Request,
    asking: Asking,
    key: Annotated[_Key | None, Header(alias=HEADER)] = None,
) -> Keyed:
    if key is None:
        return Keyed(None, "")
    query = sorted(request.query_params.multi_items())
    said: list[object] = [request.method, request.url.path, query]
    if asking.projects is not None:  # what the request means, and what its answer shows, is theirs
        said.append(sorted(asking.projects))
    return Keyed(_name(asking, key), _digest([*said, _body(await request.body())]))


Once: TypeAlias = Annotated[Keyed, Depends(_keyed)]
"""Of a route whose request may be sent again."""


def _body(body: bytes) -> object:
    """The same for each way in which the same JSON may be written."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # refused by what reads it after this
        return body.hex()


def _name(asking: Caller, key: str) -> str:
    """Raises `Invalid`. The draft's keys stand in quotes; without them they are the same."""
    match = re.fullmatch(f'(?P<quote>"?)(?P<plain>{_TEXT})(?P=quote)', key)
    if match is None:
        raise Invalid(HEADER, "give 1 to 255 letters, digits or other visible ASCII characters")
    return _digest([asking.key_id or asking.name, match["plain"]])


def _digest(said: object) -> str:
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
