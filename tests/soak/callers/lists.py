"""Lists as callers see them: a page, and a walk by cursor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from tests.soak.callers.asker import Asker


def page(
    asker: Asker, of: str, projects: Collection[int], query: Mapping[str, object]
) -> Mapping[str, Any] | None:
    """A page of `schedules` or `jobs`; None if there was no answer. What is of another project is
    noted."""
    return _page(asker, of, projects, query, None)


def walk(
    asker: Asker,
    of: str,
    projects: Collection[int],
    query: Mapping[str, object],
    place: int | None = None,
) -> Counter[str] | None:
    """How often a walk by cursor showed each id; None if an answer was missing."""
    seen: Counter[str] = Counter()
    asked = dict(query)
    while True:
        found = _page(asker, of, projects, asked, place)
        if found is None:
            return None
        seen.update(one["id"] for one in found[of])
        if found["next_cursor"] is None:
            return seen
        asked["cursor"] = found["next_cursor"]


def _page(
    asker: Asker,
    of: str,
    projects: Collection[int],
    query: Mapping[str, object],
    place: int | None,
) -> Mapping[str, Any] | None:
    got = asker.ask("GET", f"/{of}?{urlencode(query)}", place=place)
    if got is None:
        return None
    if got.status != 200:
        asker.notes.wrong.append(f"{asker.name}: {of} {query}: {got.status} {got.text:.300}")
        return None
    found: Mapping[str, Any] = got.body
    asker.notes.counts[f"pages of {of}"] += 1
    asker.notes.wrong += [
        f"{asker.name} was shown {one['id']} of project {one['project_id']}"
        for one in _foreign(found[of], projects)
    ]
    return found


def _foreign(items: Collection[Any], projects: Collection[int]) -> Iterator[Any]:
    return (one for one in items if one["project_id"] not in projects)
