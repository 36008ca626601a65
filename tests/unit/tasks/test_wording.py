"""What is wrong with a value is said in plain words, whatever the field and the value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

import functions
from shared.api.plans.shapes import PlanChange
from shared.api.schedules.shapes import NewSchedule, ScheduleChange
from shared.errors import Invalid
from shared.recurrence import Frequency, Recurrence, next_run
from shared.tasks import kinds
from shared.tasks.wording import in_words
from tests.unit.api.asking import stateless

_PYDANTIC = re.compile(
    r"Input|input (should|was)|[Ff]ield required|should|valid |Value error|Extra|instance|"
    r"Retention|something else"
)
_VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 29, 1.5, 10**30, float("inf"), float("nan"), "", " ", "x", "12:00"),
    *("7", "x" * 3_000, "2030-01-01T00:00", "2030-13-01T00:00:00Z", "\ud800", b"x", object()),
    *([], [1], [""], ["x"] * 501, ["x" * 400], {}, {"a": 1}, {"days": 0}, {"days": "x"}),
    *({"hourly": 1.5, "weekly": None}, [[1]], (1,)),
)


def _models() -> Iterator[type[BaseModel]]:
    """Of all parameters of tasks, and of all bodies that the API takes."""
    yield from {task.params for task in functions.tasks()}
    for route in stateless().routes:
        for body in getattr(getattr(route, "dependant", None), "body_params", ()):
            found = kinds.model(body.field_info.annotation)
            assert found is not None
            yield found


MODELS = sorted(set(_models()), key=lambda model: model.__name__)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_says_in_plain_words_what_to_give(model: type[BaseModel]) -> None:
    given = [{name: value} for name in (*model.model_fields, "x") for value in _VALUES]
    for values in [{}, *given]:
        try:
            model.model_validate(values)
        except ValidationError as error:
            for item in error.errors():
                where, said = in_words(item, model, tuple(item["loc"]), "field")
                assert not _PYDANTIC.search(said), (values, item["type"], said)
                names = [str(part) for part in where]
                assert not any("[" in name or "(" in name for name in names), (values, where)


def test_what_is_wrong_with_a_query_is_said_in_plain_words() -> None:
    for parameter in _asked():
        taken = TypeAdapter[Any](parameter.field_info.rebuild_annotation())
        for value in ("", "x", "-1", "1.5", "1000000000000", "x" * 3_000):
            try:
                taken.validate_python(value)
            except ValidationError as error:
                for item in error.errors():
                    _, said = in_words(item, None, (parameter.alias,), "parameter")
                    assert not _PYDANTIC.search(said), (parameter.alias, value, said)
                    assert said != "give it", (parameter.alias, value, item)


def _asked() -> Iterator[Any]:
    """The parameters of all paths and queries."""
    for route in stateless().routes:
        dependant = getattr(route, "dependant", None)
        yield from getattr(dependant, "query_params", ())
        yield from getattr(dependant, "path_params", ())


def _task(name: str, **parameters: object) -> str:
    (task,) = [one for one in functions.tasks() if one.name == name]
    with pytest.raises(Invalid) as caught:
        task.parse(parameters)
    return str(caught.value).removeprefix("task_parameters.")


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({}, "source: it is missing; give text"),
        ({"source": ""}, "source: it is empty"),
        ({"source": 1}, "source: give text"),
        ({"schemas": "a"}, 'schemas: give a list, such as ["a", "b"]'),
        ({"databases": "x"}, 'databases: give all or a list, such as ["a", "b"]'),
        ({"databases": 3}, 'databases: give all or a list, such as ["a", "b"]'),
        ({"databases": ["a", ""]}, "databases.1: it is empty"),
        ({"retention": 3}, "retention: give an object with days, count, hourly, daily, weekly, "),
        ({"retention": {"days": "x"}}, "retention.days: give a whole number"),
        ({"retention": {"days": 0}}, "retention.days: give 1 or more"),
        ({"compression": "zip"}, "compression: give zstd or gzip"),
        ({"encrypt": 1}, "encrypt: give true or false"),
        ({"colour": 1}, "colour: no such parameter; there are: source, databases, "),
        ({"retention": {"often": 1}}, "retention.often: no such parameter; there are: days, "),
    ],
)
def test_a_wrong_parameter_is_named_once_with_what_to_give(
    parameters: dict[str, object], said: str
) -> None:
    source = {} if "source" in parameters or not parameters else {"source": "a"}
    shown = _task("backup", **source, **parameters)
    assert shown.startswith(said) and "takes" not in shown


@pytest.mark.parametrize("word", ["schedule_time", "day_of_week", "day_of_month"])
def test_a_plans_word_in_a_schedule_is_answered_with_what_a_schedule_takes(word: str) -> None:
    body = {"name": "n", "task_type": "t", "frequency": "daily", word: "12:00"}
    for model in (NewSchedule, ScheduleChange):
        said = _said(model, body)[(word,)]
        assert said.startswith('no such field; a schedule takes frequency "cron" with a cron_')


@pytest.mark.parametrize("day", [0, 29, 31, 32, 10**30])
def test_a_day_that_not_every_month_has_is_refused_with_how_to_have_the_last(day: int) -> None:
    said = _said(PlanChange, {"day_of_month": day})[("day_of_month",)]
    assert "which every month has" in said
    (expression,) = re.findall(r'"(0 .*)"', said)
    when = Recurrence(frequency=Frequency.CRON, cron_expression=expression)
    assert next_run(when, datetime(2028, 2, 3, tzinfo=UTC)) == datetime(2028, 2, 29, 3, tzinfo=UTC)


def _said(model: type[BaseModel], body: Mapping[str, object]) -> dict[tuple[str | int, ...], str]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(body)
    return dict(in_words(one, model, one["loc"], "field") for one in caught.value.errors())


@pytest.mark.parametrize(
    ("task", "parameters", "field", "said"),
    [
        ("webhook_delivery", {}, "webhook_id", "it is missing; give text, such as 15"),
        ("webhook_delivery", {"webhook_id": 1, "event_type": "?"}, "event_type", "give text, such"),
        ("export", {"format": "sarif", "data": "runs"}, "data", "sarif holds findings only, not"),
        ("export", {"since": "2026-01-01T00:00:00"}, "since", f"give {kinds.TIME}"),
        ("batch", {"filter": {}}, "task_type", "say which task is called for each item"),
        ("batch", {"filter": {}, "file": "x"}, "file", "give text, such as u"),
    ],
)
def test_a_rule_of_customers_parameters_names_the_field_and_shows_what_would_be_right(
    task: str, parameters: dict[str, Any], field: str, said: str
) -> None:
    found = next(one for one in functions.tasks() if one.name == task)
    with pytest.raises(Invalid) as caught:
        found.parse(parameters)
    assert caught.value.field == f"task_parameters.{field}"
    assert caught.value.message.startswith(said)
