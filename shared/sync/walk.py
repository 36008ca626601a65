"""A listing, page by page, from where an earlier attempt was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from shared.storage.outside.pages import Page
from shared.sync.merge import Placed

T = TypeVar("T")
Key = tuple[bytes, ...]


def walk(
    page: Callable[[str | None], Page[T]],
    key: Callable[[T], Key],
    marker: str | None = None,
    after: Key = (),
) -> Iterator[Placed[T]]:
    """The items, from the page at `marker` on, without those up to the key `after`."""
    while True:
        found = page(marker)
        for item in found.items:
            place = key(item)
            if not after or place > after:
                yield Placed(place, item, marker)
        if found.next is None:
            return
        marker = found.next
