"""What the API takes can be kept and given back; what cannot is refused by the field's name."""

from __future__ import annotations

import json
from typing import Any, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import functions
from shared.api.jobs.routes import Cancel
from shared.api.plans.shapes import NewPlan, PlanChange
from shared.api.schedules.shapes import NewSchedule, ScheduleChange
from shared.errors import Invalid
from shared.storage.tables import entities
from shared.text import units
from tests.unit.test_text import TEXTS

GOOD: dict[str, Any] = {"name": "n", "task_type": "t", "frequency": "daily"}
FACE = "😀"
HALF = "\ud800"


def nested(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(levels - 1):
        found = {"a": found}
    return found


@pytest.mark.parametrize(
    "change",
    [
        {"name": HALF},
        {"name": f"a{HALF}b"},
        {"name": " "},
        {"name": "\0"},
        {"name": "two\nlines"},
        {"name": "a\x1b[31m"},
        {"name": "two\u2028lines"},
        {"name": FACE * 201},
        {"description": HALF},
        {"description": "a\0b"},
        {"tags": ["a"]},
        {"tags": {"a": 1}},
        {"tags": {"a": None}},
        {"tags": {HALF: ""}},
        {"tags": {"": "a"}},
        {"tags": {" a": "a"}},
        {"tags": {"a": "two\nlines"}},
        {"tags": {"two\nlines": "a"}},
        {"tags": {f"{FACE * 98}{number}": FACE * 200 for number in range(50)}},
        {"tags": {str(number): "" for number in range(51)}},
        {"task_parameters": {"a": [{"b": HALF}]}},
        {"task_parameters": {HALF: 1}},
        {"task_parameters": {"a": ["a\0b"]}},
        {"task_parameters": {"a": {"b": ["\0"]}}},
        {"task_parameters": {"a\0": 1}},
        {"task_parameters": {"a": FACE * 2_600}},
        {"task_parameters": {"a": float("inf")}},
        {"task_parameters": nested(101)},
        {"task_parameters": nested(900)},
        {"interval_seconds": True},
        {"interval_seconds": "60"},
        {"max_runs": True},
        {"project_id": False},
        {"max_attempts": 2.0},
        {"start_time": 0},
        {"start_time": -1},
        {"start_time": "0"},
        {"start_time": 1.5},
        {"start_time": True},
        {"end_time": "1893456000"},
        {"end_time": "2030-01-01"},
    ],
    ids=lambda change: repr(change)[:60].encode("ascii", "replace").decode(),
)
def test_what_cannot_be_kept_is_refused_by_name(change: dict[str, Any]) -> None:
    models = [NewSchedule] if "project_id" in change else [NewSchedule, ScheduleChange]
    for model in models:
        with pytest.raises(ValidationError) as caught:
            model(**(GOOD | change if model is NewSchedule else change))
        assert {error["loc"][0] for error in caught.value.errors()} == change.keys()


@pytest.mark.parametrize("wrong", ["a\0b", "\0", HALF, f"constraint a{HALF}"])
@pytest.mark.parametrize(
    "field", ["databases", "schemas", "exclude_schemas", "without", "destinations"]
)
def test_names_in_a_plan_hold_no_null_and_no_half_of_a_pair(field: str, wrong: str) -> None:
    """Whichever way it comes in: as a plan, as a schedule, by the command line, or from a row."""
    given = {field: ["constraint a", wrong]}
    plan = {"name": "n", "frequency": "daily", "source": "postgres"}
    for model in (NewPlan(**plan), PlanChange()):
        with pytest.raises(ValidationError) as caught:
            type(model)(**(model.model_dump(exclude_unset=True) | given))
        assert {error["loc"][0] for error in caught.value.errors()} == {field}
    task = next(one for one in functions.tasks() if one.name == "backup")
    with pytest.raises(Invalid, match="half of a surrogate pair, or a null") as refused:
        task.parse({"source": "postgres", **given})
    assert refused.value.field == f"task_parameters.{field}"


@pytest.mark.parametrize("value", [True, "5", 0, -1, float("inf"), float("nan"), None])
def test_what_a_scrub_reads_at_most_is_a_number(value: object) -> None:
    scrub = next(one for one in functions.tasks() if one.name == "backup_scrub")
    for good in (5, 0.5):
        assert scrub.parse({"most_gb": good})
    with pytest.raises(Invalid, match="most_gb"):
        scrub.parse({"most_gb": value})


def test_no_task_takes_a_null_in_any_parameter() -> None:
    for task in functions.tasks():
        fields = task.params.model_fields
        good = {int: 7, str: "database"}
        needed = {
            name: good.get(kind, ["a@example.com"]) if isinstance(kind, type) else "database"
            for name, field in fields.items()
            if field.is_required() and (kind := get_origin(field.annotation) or field.annotation)
        }
        for name in fields:
            for value in ("\0", ["\0"], {"days": "\0"}, {"\0": 1}):
                with pytest.raises(Invalid, match=f"{name}.*: .*null"):
                    task.parse(needed | {name: value})


def test_a_reason_that_cannot_be_kept_is_refused() -> None:
    for reason in (HALF, "a\0b"):
        with pytest.raises(ValidationError):
            Cancel(reason=reason)


def test_an_empty_zone_is_not_utc() -> None:
    with pytest.raises((Invalid, ValidationError)):
        NewSchedule(**GOOD, timezone="").definition()
    assert NewSchedule(**GOOD).definition().recurrence.timezone == "UTC"


def test_a_name_is_kept_without_the_space_around_it() -> None:
    assert NewSchedule(**GOOD | {"name": " Nightly \n", "tags": {"a": " b "}}).tags == {"a": "b"}
    assert NewSchedule(**GOOD | {"name": " Nightly \n"}).name == "Nightly"


@pytest.mark.parametrize(
    "at", ["2030-01-31T09:00:00Z", "2030-01-31T09:00:00+02:00", "2030-01-31 09:00Z"]
)
def test_an_instant_is_text(at: str) -> None:
    start = NewSchedule(**GOOD, start_time=at).start_time
    assert start is not None and start.year == 2030 and start.tzinfo is not None


LONG = st.sampled_from(["x", "é", "漢", FACE]) | TEXTS


@given(
    name=st.builds(str.__mul__, LONG, st.integers(0, 300)),
    description=st.builds(str.__mul__, LONG, st.integers(0, 2_100)),
    tags=st.dictionaries(
        st.builds(str.__mul__, LONG, st.integers(0, 110)),
        st.builds(str.__mul__, LONG, st.integers(0, 210)),
        max_size=20,
    ),
)
def test_what_is_taken_fits_into_the_table(
    name: str, description: str, tags: dict[str, str]
) -> None:
    try:
        new = NewSchedule(**GOOD | {"name": name, "description": description, "tags": tags})
    except ValidationError:
        return
    what = new.definition()
    for text in (what.name, what.description, json.dumps(dict(what.tags))):
        text.encode()
        assert units(text) <= entities._ROOM
