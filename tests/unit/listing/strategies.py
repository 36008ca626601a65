"""Schedules as lists see them, few enough of each kind that filters find some."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from shared.listing.wanted import Wanted
from shared.recurrence import Frequency
from shared.schedules.listed import Listed, ScheduleState

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
_INSTANTS = st.integers(0, 5).map(lambda minutes: START + timedelta(minutes=minutes))
_TAGS = st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"), max_size=2)
_TAG_PAIRS = _TAGS.map(lambda tags: tuple(sorted(tags.items())))
_NAMES = st.sampled_from(["a", "A", "Ab", "b", "ß", "SS", "É", "🔔", ""])
_TASKS = st.sampled_from(["one", "two"])
_FREQUENCIES = st.sampled_from([Frequency.DAILY, Frequency.ONCE])
IDS = st.integers(0, 12).map(lambda number: f"s{number}")

LISTED = st.builds(
    Listed,
    id=IDS,
    name=_NAMES,
    project_id=st.sampled_from([None, 0, 1, 2**63 - 1]),
    task_type=_TASKS,
    frequency=_FREQUENCIES,
    tags=_TAG_PAIRS,
    calendars=st.sampled_from([(), ("c",), ("c", "d")]),
    enabled=st.booleans(),
    state=st.sampled_from(ScheduleState),
    once=st.booleans(),
    system=st.booleans(),
    revision=st.sampled_from([1, 2, 2**31]),
    created_at=_INSTANTS,
    deleted_at=st.one_of(st.none(), _INSTANTS),
)

WANTED = st.builds(
    Wanted,
    projects=st.one_of(st.none(), st.frozensets(st.sampled_from([0, 1]), max_size=2)),
    project_id=st.sampled_from([None, None, 0, 1, 7]),
    of_none=st.sampled_from([False, False, True]),
    enabled=st.sampled_from([None, True, False]),
    task_types=st.one_of(st.none(), st.frozensets(_TASKS)),
    frequency=st.one_of(st.none(), _FREQUENCIES),
    tags=_TAG_PAIRS,
    state=st.one_of(st.none(), st.sampled_from(ScheduleState)),
    text=st.sampled_from(["", "", "a", "SS", "zz"]),
    calendar=st.sampled_from([None, None, "c", "d", "e"]),
    once=st.booleans(),
    deleted_since=st.one_of(st.none(), _INSTANTS),
)
