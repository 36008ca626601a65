"""The audit at the end: its chain, and whether each change is in it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from shared.app import App
from shared.audit.entry import Entry
from shared.audit.port import Action
from tests.soak.verdict import Rows


def read(calm: App) -> tuple[Sequence[Entry], list[str]]:
    """The audit's entries, and what is wrong with its chain."""
    calm.audit.chain()
    verified = calm.audit.verify()
    print(f"soak: {verified.records} records of the audit; wrong: {verified.wrong}")
    records = map(calm.audit.record, range(1, verified.head.number + 1))
    entries = [record.entry() for record in records if record is not None]
    return entries, [one.text for one in verified.findings]


def untold(rows: Rows, entries: Iterable[Entry], planted: Collection[str]) -> Iterator[str]:
    """Changes of schedules, each of which makes a revision, that the audit does not tell of exactly
    once. Schedules that are `planted` were written without a command."""
    told: dict[str, Counter[object]] = defaultdict(Counter)
    for entry in entries:
        by_people = entry.action is not Action.PAUSE  # the engine's makes no revision
        if by_people and entry.after and "revision" in entry.after:
            told[entry.subject.id][entry.after["revision"]] += 1
    for one in rows.schedules.values():
        first = 2 if one.id in planted else 1
        if told[one.id] != Counter(range(first, one.revision + 1)):
            yield f"{one.id} has the revision {one.revision}; the audit: {dict(told[one.id])}"
