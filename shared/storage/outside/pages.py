"""What listings of customers' containers and tables give: a page, and where the next one begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a listing. `next` is where the next one begins; None after the last."""

    items: Sequence[T]
    next: str | None


class Moved(Exception):
    """It is not any more what the caller read: changed, gone, or newly there."""


class Unfit(Exception):
    """This one item cannot be read or written, and no other attempt helps; the text says why."""


def forbidden(code: object) -> str:
    """What is said when storage does not let in whoever has the customer's key."""
    said = str(getattr(code, "value", code) or "403")
    return f"no permission ({said}): the key or the signature does not allow it, or has expired"


@dataclass(frozen=True, kw_only=True, slots=True)
class Headers:
    """What a blob is served with."""

    content_type: str | None = None
    content_encoding: str | None = None
    content_language: str | None = None
    content_disposition: str | None = None
    cache_control: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Blob:
    """A blob, as a listing or a HEAD request shows it."""

    name: str
    size: int
    etag: str
    changed_at: datetime
    md5: bytes | None = None
    kind: str = "BlockBlob"
    tier: str = ""
    headers: Headers = Headers()
    metadata: Mapping[str, str] = field(default_factory=dict)
