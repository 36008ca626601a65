"""What was applied against what is there now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from shared.applied.model import Change, Difference, Entry, Extent, Head, Thing

_NAMED = 20
_ROOM = 2000


def extents(heads: Iterable[Head]) -> list[tuple[Head, Extent]]:
    """The applies of one owner that still count for something, the newest first.

    Callers of different projects may apply files of the same owner: for each project, the newest
    apply of a caller that saw it counts.
    """
    found: list[tuple[Head, Extent]] = []
    taken: frozenset[int] = frozenset()
    for head in sorted(heads, key=_newest, reverse=True):
        if head.projects is None:
            return [*found, (head, Extent(None, taken))]
        if head.projects - taken:
            found.append((head, Extent(head.projects, taken)))
        taken |= head.projects
    return found


def by_owner(heads: Iterable[Head]) -> dict[str, list[tuple[Head, Extent]]]:
    """The applies that count, by their owners' names."""
    found: dict[str, list[Head]] = {}
    for head in heads:
        found.setdefault(head.owner, []).append(head)
    return {owner: extents(found[owner]) for owner in sorted(found)}


def state(owned: Iterable[tuple[str, int | None, int]]) -> str:
    """A digest of what an owner has, as ids, projects and revisions: the same as long as nothing
    of it was changed, added or deleted."""
    lines = sorted(f"{name}:{revision}" for name, _, revision in owned)
    return sha256("\n".join(lines).encode()).hexdigest()


def unread(entries: Iterable[Entry], there: Mapping[str, Thing]) -> list[str]:
    """The ids of those that were changed since they were last compared."""
    return [one.id for one in entries if one.id in there and there[one.id].revision != one.seen]


def compared(entry: Entry, revision: int, fields: Mapping[str, str]) -> Entry:
    """The entry, compared with what is there at that revision. A field that is new in the API since
    it was applied says nothing."""
    differs = tuple(name for name, one in entry.fields.items() if fields.get(name, one) != one)
    return replace(entry, seen=revision, differs=differs)


def differences(
    entries: Sequence[Entry], owned: Iterable[Thing], there: Mapping[str, Thing], extent: Extent
) -> list[Difference]:
    """What differs, in the order of the keys. `owned`: what has the owner's mark now; `there`:
    that, and what was applied, as far as it exists."""
    applied = {one.id for one in entries}
    found = [_gone_or_changed(one, there) for one in entries if extent.covers(one.project_id)]
    added = [
        _added(one) for one in owned if one.id not in applied and extent.covers(one.project_id)
    ]
    return sorted([*filter(None, found), *added], key=lambda one: (one.kind, one.key, one.id))


def in_words(found: Sequence[Difference]) -> str:
    """What differs, in a few lines."""
    counts = Counter(one.change for one in found)
    said = ", ".join(f"{counts[one]} {one}" for one in Change if counts[one])
    lines = [f"{said} since it was applied:", *map(_line, found[:_NAMED])]
    if len(found) > _NAMED:
        lines.append(f"and {len(found) - _NAMED} more")
    text = "\n".join(lines)
    return text if len(text) <= _ROOM else f"{text[:_ROOM]}..."


def _line(one: Difference) -> str:
    fields = f": {', '.join(one.fields)}" if one.fields else ""
    return f"{one.change} {one.kind} {one.key} ({one.id}){fields}"


def _newest(head: Head) -> tuple[object, ...]:
    return head.applied_at, head.projects is None, sorted(head.projects or ())


def _gone_or_changed(entry: Entry, there: Mapping[str, Thing]) -> Difference | None:
    if entry.id not in there:
        return _different(Change.DELETED, entry)
    return _different(Change.CHANGED, entry) if entry.differs else None


def _different(change: Change, entry: Entry) -> Difference:
    return Difference(
        change=change,
        kind=entry.kind,
        key=entry.key,
        id=entry.id,
        project_id=entry.project_id,
        fields=entry.differs if change is Change.CHANGED else (),
    )


def _added(one: Thing) -> Difference:
    return Difference(
        change=Change.ADDED, kind=one.kind, key=one.key, id=one.id, project_id=one.project_id
    )
