"""Cursors: where in a list the next page begins, as an opaque text.

A cursor holds the place of the last item that was shown, not a number of items: so schedules that
are created or deleted meanwhile move no other item to another page. It is signed, and the signature
covers what the list was asked for: with other filters, or of a caller with other projects, it is
refused. How many items a page has may change on the way.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, TypeAlias

from fastapi import Query

from shared.access import Caller
from shared.errors import Invalid
from shared.storage.tables.facts import Meta

Place: TypeAlias = Sequence[int | str]
"""The sort keys of an item, from which the next page goes on."""
Bound: TypeAlias = Mapping[str, object]
"""What a list was asked for, as `bound` puts it together."""
Cursor = Annotated[str | None, Query(max_length=4000)]
"""The parameter of a route that shows a list."""

_KEY = "cursor.key"
_MAC = 16
_HOW = "give `next_cursor` of the page before, with the same filters; or leave it out to begin anew"


def bound(of: str, caller: Caller, **filters: object) -> Bound:
    """What a cursor of the list `of` is bound to: its filters, and the projects of its caller."""
    projects = None if caller.projects is None else sorted(caller.projects)
    return {"list": of, "projects": projects, "filters": filters}


def write(meta: Meta, to: Bound, place: Place) -> str:
    """The cursor of the page after the item at that place."""
    said = json.dumps(list(place), separators=(",", ":"), ensure_ascii=False).encode()
    return urlsafe_b64encode(_mac(meta, to, said) + said).decode().rstrip("=")


def read(meta: Meta, to: Bound, cursor: str) -> list[int | str]:
    """The place that a cursor holds. Raises `Invalid` if it is not one of this list."""
    try:
        found = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except ValueError:  # UnicodeEncodeError and binascii.Error are
        raise Invalid("cursor", f"it is no cursor; {_HOW}") from None
    mac, said = found[:_MAC], found[_MAC:]
    if not hmac.compare_digest(mac, _mac(meta, to, said)):
        raise Invalid("cursor", f"it is of another list, or was changed; {_HOW}")
    place: list[int | str] = json.loads(said)
    return place


def _mac(meta: Meta, to: Bound, said: bytes) -> bytes:
    asked = json.dumps(to, sort_keys=True, default=_text).encode()
    message = len(asked).to_bytes(4) + asked + said
    return hmac.digest(meta.secret(_KEY), message, hashlib.sha256)[:_MAC]


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
