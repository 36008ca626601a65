"""What would have to be done so that Belfry is as the files say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeAlias

from belfry.client import Client, Json, at
from belfry.code import comparing
from belfry.code.comparing import Difference
from belfry.code.wanted import MANAGED_BY, MANAGED_KEY, Entry, Wanted
from belfry.problems import Exit, Failure

RUNS = 3
"""How many coming runs are shown."""
_TO_COME = ("scheduled", "queued")
"""What is due soon has been handed out already."""
_AHEAD = (timedelta(days=1), timedelta(days=30), timedelta(days=365))
"""How far to look, the longer only if the shorter has too few: the API counts what it lists."""


class Action(StrEnum):
    """What a step does."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"


_Named: TypeAlias = tuple[str, int | None]
"""A calendar's name and project: no two have both in common."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One request of the plan."""

    action: Action
    kind: str
    """`schedule` or `calendar`."""
    key: str
    place: str = ""
    """Where the file says so; empty if it does not any more."""
    id: str | None = None
    etag: str | None = None
    """What it must still have, or somebody else has changed it."""
    seen: str = ""
    """Of a schedule: a digest of what people decided, when it had that ETag."""
    body: Mapping[str, Any] = field(default_factory=dict)
    """What is sent."""
    differences: Sequence[Difference] = ()
    runs_before: Sequence[str] | None = None
    """When the next runs are due now; None: the step changes nothing about that."""
    runs_after: Sequence[str] | None = None
    """When they will be due; None as well if the API cannot say, since a calendar that the schedule
    names is not as it will be."""


@dataclass(frozen=True)
class Kept:
    """A schedule or a calendar that stays as it is."""

    kind: str
    key: str
    id: str
    number: int | None
    """Its revision; of a calendar, its version. None: this Belfry is older, and has none."""


@dataclass(frozen=True)
class Plan:
    """The steps in the order in which they are done."""

    owner: str
    steps: Sequence[Step]
    unchanged: int
    kept: Sequence[Kept] = ()
    """What the owner has and no step changes; what else is kept, since nothing is to be deleted."""


def mark(owner: str) -> str:
    """The last line of the description of a calendar of an owner. (Calendars have no tags.)"""
    return f"[{MANAGED_BY} {owner}]"


def make(client: Client, wanted: Wanted, now: datetime, *, delete: bool = True) -> Plan:
    """The plan. `delete`: whether what no file says any more goes. Raises `Failure`."""
    planner = _Planner(client, wanted.owner, now)
    calendars = planner.calendars(wanted.calendars)
    moved = {one.key for one in calendars if one.action is not Action.DELETE}
    schedules = planner.schedules(wanted.schedules, moved)
    # a calendar is there before schedules name it, and goes when none does any more
    order = [
        *(one for one in calendars if one.action is not Action.DELETE),
        *(one for one in schedules if one.action is not Action.DELETE),
        *(one for one in schedules if one.action is Action.DELETE),
        *(one for one in calendars if one.action is Action.DELETE),
    ]
    steps = [one for one in order if delete or one.action is not Action.DELETE]
    entries = len(wanted.calendars) + len(wanted.schedules)
    kept = entries - sum(one.action is not Action.DELETE for one in order)
    return Plan(wanted.owner, steps, kept, [*planner.kept, *(() if delete else planner.gone)])


class _Planner:
    def __init__(self, client: Client, owner: str, now: datetime) -> None:
        self._client = client
        self._owner = owner
        self._now = now
        self._moved: Set[str] = frozenset()
        self.kept: list[Kept] = []
        """What stays as it is."""
        self.gone: list[Kept] = []
        """What no file says any more."""

    def schedules(self, entries: Sequence[Entry], moved: Set[str]) -> list[Step]:
        """What to do with schedules; `moved`: the calendars that steps change first.

        Of several with one key, as two processes that create at once could make them, the oldest
        stays.
        """
        stored: dict[str, list[Json]] = {}
        tag: Any = {f"tags.{MANAGED_BY}": self._owner}
        for one in self._client.walk(at("schedules"), "schedules", **tag):
            stored.setdefault(one["tags"].get(MANAGED_KEY, ""), []).append(one)
        steps: list[Step] = []
        self._moved = moved
        for entry in entries:
            there = sorted(
                stored.pop(entry.key, ()), key=lambda one: (one["created_at"], one["id"])
            )
            try:
                self._hold_place(entry, there)
                steps += self._schedule(entry, there)
            except Failure as failure:
                said = f"{entry.place}: {entry.key}: {failure.text}"
                raise Failure(failure.code, said, failure.document) from failure
        steps += [self._gone(one) for rest in stored.values() for one in rest]
        return steps

    def _hold_place(self, entry: Entry, there: Sequence[Json]) -> None:
        """Raise `Failure` if a schedule with the entry's tags is not where the entry would be made:
        whoever may write in another project could have given it these tags."""
        for one in there:
            if "project_id" in entry.body or one["id"] == entry.takes:
                continue
            if one["project_id"] != self._home:
                raise self._elsewhere(one)

    def _elsewhere(self, one: Json, place: str = "") -> Failure:
        project = "null" if one["project_id"] is None else one["project_id"]
        said = f"{one['id']} of project {project} is marked as this entry's; if it is, give the "
        said += f"entry project_id: {project}, else take the mark off"
        return Failure(Exit.WRONG, place + said)

    @cached_property
    def _home(self) -> int | None:
        """The project of what is made without saying one: the caller's, if it has just one."""
        projects = self._client.get(at("caller"))["projects"]
        return projects[0] if projects is not None and len(projects) == 1 else None

    def _schedule(self, entry: Entry, there: Sequence[Json]) -> Iterator[Step]:
        tags = entry.body.get("tags", {}) | {MANAGED_BY: self._owner, MANAGED_KEY: entry.key}
        body = {**entry.body, "tags": tags}
        present = there[0] if there else self._taken(entry)
        if present is None:
            made = self._created(entry, "schedule", body)
            yield replace(made, runs_after=self._coming(body))
            return
        if comparing.of_schedule(body, present):
            yield from self._changed(entry, body, present["id"])
        else:
            self._keep(entry, present)
        for one in there[1:]:
            yield self._gone(one)

    def _changed(self, entry: Entry, body: Json, schedule_id: str) -> Iterator[Step]:
        """Compared once more with the schedule as it is alone: that answer has its ETag."""
        answer = self._client.ask("GET", at("schedules", schedule_id))
        found = comparing.of_schedule(body, answer.body)
        for one in found:
            if one.field in comparing.FIXED:
                said = f"{one.field} is {one.before!r} and cannot be changed to {one.after!r}; "
                said += "give the schedule a new key, then it is deleted and made anew"
                raise Failure(Exit.WRONG, said)
        if not found:
            self._keep(entry, answer.body)
            return
        moves = any(one.field in comparing.RECURRENCE for one in found)
        yield Step(
            action=Action.CHANGE,
            kind="schedule",
            key=entry.key,
            place=entry.place,
            id=schedule_id,
            etag=answer.headers.get("etag"),
            seen=comparing.decided(answer.body),
            body={one.field: one.after for one in found},
            differences=found,
            runs_before=self._runs(schedule_id) if moves else None,
            runs_after=self._coming(body) if moves else None,
        )

    def _taken(self, entry: Entry) -> Json | None:
        """The schedule that the entry takes over, if it says one."""
        if entry.takes is None:
            return None
        found: Json = self._client.get(at("schedules", entry.takes))
        if MANAGED_BY in found["tags"]:
            said = f"{entry.takes} belongs to {found['tags'][MANAGED_BY]}"
            said += f", as {found['tags'].get(MANAGED_KEY)}"
            raise Failure(Exit.WRONG, f"{said}; it cannot be taken over")
        return found

    def _keep(self, entry: Entry, one: Json) -> None:
        self.kept.append(Kept("schedule", entry.key, one["id"], one.get("revision")))

    def _gone(self, one: Json) -> Step:
        answer = self._client.ask("GET", at("schedules", one["id"]))
        key = one["tags"].get(MANAGED_KEY, one["id"])
        if MANAGED_KEY in one["tags"]:
            self.gone.append(Kept("schedule", key, one["id"], one.get("revision")))
        return Step(
            action=Action.DELETE,
            kind="schedule",
            key=key,
            id=one["id"],
            etag=answer.headers.get("etag"),
            seen=comparing.decided(answer.body),
            runs_before=self._runs(one["id"]),
        )

    def _runs(self, schedule_id: str) -> list[str]:
        path = at("schedules", schedule_id, "occurrences")
        found: list[str] = []
        for ahead in _AHEAD:
            span = {"from": self._now.isoformat(), "to": (self._now + ahead).isoformat()}
            listed = self._client.get(path, page_size=RUNS, **span)["occurrences"]
            found = [one["due_at"] for one in listed if one["state"] in _TO_COME]
            if len(found) >= RUNS:
                break
        return found[:RUNS]

    def _coming(self, body: Json) -> list[str] | None:
        """When it would run; none if it is turned off. What the API refuses here, it would refuse
        in the step too: so `plan` says it. Raises `Failure`."""
        if not self._moved.isdisjoint(body.get("calendars", ())):
            return None
        path = at("schedules", "preview")
        found = self._client.ask("POST", path, params={"count": RUNS}, body=body).body
        runs = [one["due_at"] for one in found["runs"] if one["state"] == "scheduled"]
        return runs if body.get("enabled", True) else []

    def calendars(self, entries: Sequence[Entry]) -> list[Step]:
        """What to do with calendars. Raises `Failure` for one that is another's."""
        there = {(one["name"], one["project_id"]): one for one in self._stored_calendars()}
        steps: list[Step] = []
        for entry in entries:
            said = entry.body.get("description", "")
            body = {**entry.body, "description": f"{said}\n{mark(self._owner)}".lstrip("\n")}
            present = there.pop(self._calendar_of(entry, there), None)
            if present is None:
                self._hold_name(entry, there)
                steps.append(self._created(entry, "calendar", body))
            elif not self._is_ours(present):
                said = f"the calendar {entry.key} is there, and not managed by {self._owner}"
                hint = f"end its description with {mark(self._owner)!r} to take it over"
                raise Failure(Exit.WRONG, f"{entry.place}: {said}; {hint}")
            elif comparing.of_calendar(body, present):
                steps += self._calendar_changed(entry, body, present["id"])
            else:
                self.kept.append(Kept("calendar", entry.key, present["id"], present["version"]))
        rest = [one for one in there.values() if self._is_ours(one)]
        self.gone += [Kept("calendar", one["name"], one["id"], one["version"]) for one in rest]
        return steps + [self._calendar_gone(one) for one in rest]

    def _calendar_changed(self, entry: Entry, body: Json, calendar_id: str) -> Iterator[Step]:
        """Compared once more with the calendar as it is alone, as `_changed` does."""
        answer = self._client.ask("GET", at("calendars", calendar_id))
        if found := comparing.of_calendar(body, answer.body):
            yield Step(
                action=Action.CHANGE,
                kind="calendar",
                key=entry.key,
                place=entry.place,
                id=calendar_id,
                etag=answer.headers.get("etag"),
                body={one.field: one.after for one in found},
                differences=found,
            )
        else:
            self.kept.append(Kept("calendar", entry.key, calendar_id, answer.body["version"]))

    def _calendar_gone(self, one: Json) -> Step:
        answer = self._client.ask("GET", at("calendars", one["id"]))
        return Step(
            action=Action.DELETE,
            kind="calendar",
            key=one["name"],
            id=one["id"],
            etag=answer.headers.get("etag"),
        )

    def _calendar_of(self, entry: Entry, there: Mapping[_Named, Json]) -> _Named:
        """By which of the calendars an entry is found."""
        if "project_id" in entry.body:
            return entry.key, entry.body["project_id"]
        for (name, project), calendar in there.items():
            if name == entry.key and project != self._home and self._is_ours(calendar):
                raise self._elsewhere(calendar, f"{entry.place}: calendar {name}: ")
        return entry.key, self._home

    def _hold_name(self, entry: Entry, there: Mapping[_Named, Json]) -> None:
        """Raise `Failure` if the API would refuse its name: a calendar of all projects has it."""
        for (name, project), one in there.items():
            if project is None and name.casefold() == entry.key.casefold():
                said = f"{one['id']} of all projects has the name {name!r}, so no project can"
                raise Failure(
                    Exit.CONFLICT, f"{entry.place}: calendar {entry.key}: {said}; use another name"
                )

    def _stored_calendars(self) -> Iterator[Json]:
        return self._client.walk(at("calendars"), "calendars")

    def _is_ours(self, calendar: Json) -> bool:
        last: str = calendar["description"].rpartition("\n")[2]
        return last == mark(self._owner)

    @staticmethod
    def _created(entry: Entry, kind: str, body: Json) -> Step:
        return Step(action=Action.CREATE, kind=kind, key=entry.key, place=entry.place, body=body)
