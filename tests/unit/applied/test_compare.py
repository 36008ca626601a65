"""Which apply counts for which project; what differs; what is kept of it as rows."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belfry.code import planning, recording, wanted
from shared.api.schedules.shapes import NewSchedule
from shared.applied import compare, digests, rows
from shared.applied.model import (
    MANAGED_BY,
    MANAGED_KEY,
    MOST,
    Change,
    Entry,
    Extent,
    Head,
    Kind,
    Thing,
    mark,
)
from shared.calendars.model import Definition as CalendarDefinition
from shared.calendars.model import Imported, NamedCalendar
from shared.errors import Damaged
from shared.recurrence import DayOff, Frequency, Recurrence
from shared.schedules.model import Definition, Policy, Progress, Schedule

START = datetime(2026, 3, 1, tzinfo=UTC)
PROJECTS = st.sampled_from([None, 1, 2, 3])
SCOPES = st.one_of(st.none(), st.frozensets(st.sampled_from([1, 2, 3]), min_size=1))
ENTRY = Entry(kind=Kind.SCHEDULE, key="k", id="a", project_id=1, fields={"name": "x" * 8}, seen=1)


def head(projects: frozenset[int] | None, minute: int = 0) -> Head:
    return Head(
        owner="team",
        projects=projects,
        applied_at=START + timedelta(minutes=minute),
        applied_by="Ana",
    )


def thing(name: str, revision: int = 1, project_id: int | None = 1) -> Thing:
    return Thing(
        kind=Kind.SCHEDULE, id=name, key=f"k{name}", project_id=project_id, revision=revision
    )


@given(st.lists(SCOPES, max_size=5), PROJECTS)
def test_for_each_project_the_newest_apply_that_saw_it_counts(
    scopes: list[frozenset[int] | None], project: int | None
) -> None:
    heads = [head(scope, minute) for minute, scope in enumerate(scopes)]
    saw = [one for one in heads if one.projects is None or project in one.projects]
    counting = [one for one, extent in compare.extents(heads) if extent.covers(project)]
    assert counting == saw[-1:]


@given(st.lists(st.sampled_from("abc"), unique=True), st.lists(st.sampled_from("abc"), unique=True))
def test_each_thing_is_the_same_or_differs_once(applied: list[str], there: list[str]) -> None:
    entries = [replace(ENTRY, key=f"k{one}", id=one) for one in applied]
    owned = [thing(one) for one in there]
    known = {one.id: one for one in owned}
    found = compare.differences(entries, owned, known, Extent(None))
    assert {one.id for one in found if one.change is Change.DELETED} == set(applied) - set(there)
    assert {one.id for one in found if one.change is Change.ADDED} == set(there) - set(applied)
    assert len(found) == len(set(applied) ^ set(there))
    assert compare.differences(entries, owned, known, Extent(frozenset([2]))) == []


def test_what_an_owner_has_is_another_after_each_change() -> None:
    some = [("a", 1, 1), ("b", None, 1)]
    same = compare.state(some)
    assert compare.state(reversed(some)) == same
    others = (some[:1], [*some, ("c", 1, 1)], [("a", 1, 2), some[1]])
    assert same not in [compare.state(one) for one in others]


def test_fields_that_differ_are_named_and_new_fields_say_nothing() -> None:
    entry = replace(ENTRY, fields={"a": "1" * 8, "b": "2" * 8})
    after = compare.compared(entry, 5, {"a": "1" * 8, "b": "3" * 8, "c": "4" * 8})
    assert (after.seen, after.differs) == (5, ("b",))
    assert compare.compared(after, 6, entry.fields).differs == ()
    assert compare.unread([after], {"a": thing("a", 5)}) == []
    assert compare.unread([after], {"a": thing("a", 6)}) == ["a"]


SCHEDULE = Schedule(
    id="s1",
    definition=Definition(
        name="n",
        task_type="works",
        recurrence=Recurrence(frequency=Frequency.INTERVAL, interval_seconds=60, start_time=START),
    ),
    created_at=START,
    updated_at=START,
)


def test_what_the_engine_does_is_no_drift() -> None:
    same = digests.of_schedule(SCHEDULE)
    busy = replace(SCHEDULE, progress=Progress(success_count=5, paused_reason="it failed"))
    assert digests.of_schedule(replace(busy, revision=9, etag="x")) == same


def test_each_field_of_a_file_has_a_digest() -> None:
    known = set(digests.of_schedule(SCHEDULE))
    fixed = {"task_type", "project_id", "heartbeat_url"}  # what no change changes; a secret
    assert known == set(NewSchedule.model_fields) - fixed
    changed = replace(SCHEDULE, policy=Policy(max_attempts=9))
    before, after = digests.of_schedule(SCHEDULE), digests.of_schedule(changed)
    assert [name for name in before if before[name] != after[name]] == ["max_attempts"]


def test_a_calendar_has_what_people_wrote() -> None:
    one = NamedCalendar(
        id="c1",
        definition=CalendarDefinition(name="c", days=(DayOff(START.date(), "x"),)),
        created_at=START,
        updated_at=START,
    )
    known = set(digests.of_calendar(one))
    project = {"project_id"}
    names = {"working_hours" if it.name == "hours" else it.name for it in fields(one.definition)}
    assert known == names - project
    imported = replace(one, version=3, imported=Imported(days=one.definition.days))
    assert digests.of_calendar(imported) == digests.of_calendar(one)


@given(st.integers(0, 40))
def test_entries_are_kept_as_they_are(count: int) -> None:
    names = {name: digest for name, digest in digests.of_schedule(SCHEDULE).items()}
    calendar = Entry(kind=Kind.CALENDAR, key="é\n", id="c", project_id=None, fields={}, seen=2**60)
    entries = [
        replace(ENTRY, key=f"k{number}", fields=names, differs=("name",) * (number % 2))
        for number in range(count)
    ]
    made = rows.part_rows([*entries, calendar])
    assert [one for row in made for one in rows.to_entries(row)] == [*entries, calendar]


def test_as_many_as_can_be_fit_into_a_transaction() -> None:
    names = digests.of_schedule(SCHEDULE)
    entries = [
        replace(ENTRY, key="k" * 95 + f"{number:05}", id="i" * 40, fields=names)
        for number in range(MOST)
    ]
    made = rows.part_rows(entries)
    sizes = [sum(len(value) for value in row.values()) for row in made]
    assert max(sizes) < 500_000 and sum(sizes) < 3_500_000 and len(made) < 50


@pytest.mark.parametrize("wrong", [{"projects": "x"}, {"applied_at": ""}, {"parts": "many"}])
def test_a_row_that_cannot_be_read_is_said(wrong: dict[str, str]) -> None:
    row = {"RowKey": "owner:1", "etag": "e", **rows.head_row(head(frozenset([1, 2])))}
    assert rows.to_head(row).projects == frozenset([1, 2])
    with pytest.raises(Damaged, match="owner:1"):
        rows.to_head(row | wrong)


def test_the_command_line_means_the_same() -> None:
    assert (wanted.MANAGED_BY, wanted.MANAGED_KEY) == (MANAGED_BY, MANAGED_KEY)
    assert planning.mark("team") == mark("team") and recording.MOST == MOST
