"""Whether what callers were promised is there, once, in the rows and in the audit."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.audit.entry import Entry
from shared.audit.port import Action
from shared.recurrence import occurrences
from shared.schedules.job import Job
from tests.soak.callers.notes import Deed, Verb
from tests.soak.verdict import Rows
from tests.soak.world import BASE

_INSTANT = timedelta(microseconds=1)
_ACTIONS = {
    Verb.CREATE: Action.CREATE,
    Verb.CHANGE: Action.CHANGE,
    Verb.DELETE: Action.DELETE,
    Verb.EXECUTE: Action.EXECUTE,
    Verb.BACKFILL: Action.BACKFILL,
}


@dataclass(slots=True)
class Promises:
    """The deeds, the rows, and the audit's entries of them."""

    deeds: Sequence[Deed]
    rows: Rows
    entries: Sequence[Entry]
    _asked: dict[str, list[Job]] = field(init=False)
    """By schedule, the jobs that somebody asked for."""
    _told: dict[tuple[Action, str], Counter[str]] = field(init=False)

    def __post_init__(self) -> None:
        self._asked = defaultdict(list)
        for job in self.rows.jobs.values():
            if job.manual:
                self._asked[job.schedule_id].append(job)
        self._told = defaultdict(Counter)
        for entry in self.entries:
            for mark in _marks(entry):
                self._told[entry.action, entry.schedule_id or ""][mark] += 1

    def broken(self) -> Iterator[str]:
        """Each, with what is there instead."""
        for deed in self.deeds:
            for problem in self._problems(deed):
                yield f"{deed.verb} {deed.mark} of {deed.schedule} ({_said(deed)}): {problem}"
        yield from self._unasked()
        yield from self._unseen()

    def _problems(self, deed: Deed) -> Iterator[str]:
        match deed.verb:
            case Verb.CREATE:
                yield from self._created(deed)
            case Verb.CHANGE:
                yield from _once(deed, "entries", self._entries(deed, deed.mark))
            case Verb.DELETE:
                yield from self._deleted(deed)
            case Verb.EXECUTE if deed.done:
                job = str(deed.told["job_id"])
                yield from _once(deed, "entries", self._entries(deed, job))
                if job not in self.rows.jobs:
                    yield f"there is no job {job}"
            case Verb.BACKFILL if deed.done:
                yield from _once(deed, "entries", self._entries(deed, str(deed.told["id"])))
                yield from self._backfilled(deed)

    def _created(self, deed: Deed) -> Iterator[str]:
        made = [one for one in self.rows.schedules.values() if one.definition.name == deed.mark]
        yield from _once(deed, "schedules", len(made))
        told = [
            entry
            for entry in self.entries
            if entry.action is Action.CREATE and (entry.after or {}).get("name") == deed.mark
        ]
        if len(told) != len(made):
            yield f"{len(made)} schedules, and {len(told)} entries of the audit"
        if deed.done and [(one.id, one.definition.project_id) for one in made] != [
            (deed.schedule, deed.project)
        ]:
            yield f"it is {[one.id for one in made]}"

    def _deleted(self, deed: Deed) -> Iterator[str]:
        """By this deed, or by another's; once in all."""
        gone = self.rows.schedules[deed.schedule].deleted_at is not None
        entries = self._entries(deed, deed.mark)
        if (deed.done and not gone) or entries != gone:
            yield f"deleted: {gone}; entries of the audit: {entries}"

    def _backfilled(self, deed: Deed) -> Iterator[str]:
        """Exactly the jobs that were promised; if the schedule was deleted meanwhile, no others."""
        backfill, total = deed.told["id"], deed.told["total"]
        due = Counter(job.due_at for job in self._asked_of(deed, backfill))
        first, end = (datetime.fromisoformat(deed.told[name]) for name in ("from", "to"))
        schedule = self.rows.schedules[deed.schedule]
        if due.total() > len(due) or not all(first <= at < end for at in due):
            yield f"its jobs are of {sorted(due.elements())}"
        if schedule.deleted_at is None and len(due) != total:
            yield f"{total} jobs were promised, and {len(due)} are there"
        if end <= BASE:
            wanted = occurrences(schedule.definition.recurrence, first - _INSTANT, end - _INSTANT)
            every = set(wanted)
            if len(every) != total or not due.keys() <= every:
                yield f"{sorted(every)} were due then, and its {total} jobs are of {sorted(due)}"

    def _asked_of(self, deed: Deed, backfill: str | None) -> list[Job]:
        return [job for job in self._asked[deed.schedule] if job.backfill == backfill]

    def _entries(self, deed: Deed, mark: str) -> int:
        return self._told[_ACTIONS[deed.verb], deed.schedule][mark]

    def _unasked(self) -> Iterator[str]:
        """Runs and backfills of which there are more than were asked for."""
        for schedule, deeds in self._by_schedule().items():
            for verb, name in ((Verb.EXECUTE, "job_id"), (Verb.BACKFILL, "id")):
                asked = [deed for deed in deeds if deed.verb is verb]
                known = {deed.told[name] for deed in asked if deed.done}
                perhaps = sum(deed.done is None for deed in asked)
                there = {
                    job.backfill or job.id
                    for job in self._asked[schedule]
                    if (job.backfill is None) == (verb is Verb.EXECUTE)
                }
                if len(there - known) > perhaps:
                    yield f"{verb} of {schedule}: {there - known} were not asked for"

    def _unseen(self) -> Iterator[str]:
        """Changes that overwrote what their caller had not seen."""
        saw = {deed.mark: deed.saw for deed in self.deeds if deed.verb is Verb.CHANGE}
        for entry in self.entries:
            before, after = _description(entry.before), _description(entry.after)
            if entry.action is Action.CHANGE and after in saw and before != saw[after]:
                yield f"{after} was set after {saw[after]!r} was read, and overwrote {before!r}"

    def _by_schedule(self) -> dict[str, list[Deed]]:
        found: dict[str, list[Deed]] = defaultdict(list)
        for deed in self.deeds:
            found[deed.schedule].append(deed)
        return found


def _marks(entry: Entry) -> list[str]:
    """By what a deed's entry is known."""
    after: Any = entry.after or {}
    match entry.action:
        case Action.CHANGE:
            return [str(_description(after))]
        case Action.DELETE:
            return [entry.schedule_id or ""]
        case Action.EXECUTE:
            return list(after.get("job_ids", ()))
        case Action.BACKFILL:
            return [str(after.get("backfill_id"))]
        case _:
            return []


def _description(shown: Any) -> Any:
    return (shown or {}).get("description")


def _once(deed: Deed, what: str, count: int) -> Iterator[str]:
    """What is promised is there once; what is refused, never; what nobody knows, once at most."""
    least = 1 if deed.done else 0
    most = 0 if deed.done is False else 1
    if not least <= count <= most:
        yield f"{what}: {count}"


def _said(deed: Deed) -> str:
    return {True: "promised", False: "refused", None: "unanswered"}[deed.done]
