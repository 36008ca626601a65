"""Lists: the parameters of a route that shows one page of a list, and the fields of its answer.

A route must declare these parameters itself, or `query.known_only` would refuse them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Annotated, TypedDict, TypeVar

from fastapi import Query
from pydantic import Field

from shared.api.query import DIGITS, InstantText, instant
from shared.api.shown import Shown
from shared.errors import Invalid

T = TypeVar("T")

Page = Annotated[int, Field(ge=1, le=10**9), DIGITS]
"""The number of the page, from 1 on; default: 1. A database takes no offset of any size."""
PageSize = Annotated[int, Field(ge=1, le=100), DIGITS]
"""The number of items on a page; default: `PAGE_SIZE`."""
PAGE_SIZE = 50

Since = Annotated[InstantText | None, Query(alias="from")]
"""The first instant of a span, as `query.instant` reads it."""
Until = Annotated[InstantText | None, Query(alias="to")]
"""The instant before which a span ends."""


class Paged(Shown):
    """A page of a list; the subclass adds its items."""

    total: int
    page: int
    page_size: int
    pages: int


class Continued(Paged):
    """A page of a list that can be walked by cursor."""

    next_cursor: str | None
    """For the next page, as `cursor`; null if this is the last."""


class Counts(TypedDict):
    """The fields of `Paged`."""

    total: int
    page: int
    page_size: int
    pages: int


def counts(total: int, page: int, page_size: int) -> Counts:
    """The fields of a page besides its items; `total`: the items of all pages."""
    return Counts(total=total, page=page, page_size=page_size, pages=-(-total // page_size))


def page_of(items: Sequence[T], page: int, page_size: int) -> tuple[Sequence[T], Counts]:
    """The items of that page, and the other fields of the page."""
    shown = items[(page - 1) * page_size : page * page_size]
    return shown, counts(len(items), page, page_size)


def fitting(items: Iterable[T], wanted: Mapping[str, object]) -> list[T]:
    """The items whose attributes, each named by its path, are as wanted; None stands for any."""
    asked = [(attrgetter(path), value) for path, value in wanted.items() if value is not None]
    return [one for one in items if all(read(one) == value for read, value in asked)]


def span(
    since: str | None, until: str | None, names: tuple[str, str] = ("from", "to")
) -> tuple[datetime | None, datetime | None]:
    """The instants of `Since` and `Until`. Raises `Invalid`, also if it ends before it begins.
    `names`: what the caller calls the two."""
    first, end = instant(names[0], since), instant(names[1], until)
    if first is not None and end is not None and first > end:
        said = f"{first.isoformat()} is later than `{names[1]}`, {end.isoformat()}"
        raise Invalid(names[0], said)
    return first, end
