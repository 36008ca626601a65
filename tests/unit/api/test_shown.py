"""Shapes are read from values. A field says where it lies; if it lies nowhere, that is an error."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from shared.api.shown import Queued, Shown, at


class Shape(Shown):
    name: str
    zone: str | None = at("when.rule.zone")


def test_a_field_is_read_where_it_lies() -> None:
    rule = SimpleNamespace(zone="UTC")
    value = SimpleNamespace(name="Nightly", when=SimpleNamespace(rule=rule), other=1)
    assert Shape.model_validate(value).model_dump() == {"name": "Nightly", "zone": "UTC"}


@pytest.mark.parametrize("when", [None, SimpleNamespace(rule=None)])
def test_a_way_that_leads_through_nothing_ends_in_none(when: object) -> None:
    assert Shape.model_validate(SimpleNamespace(name="Nightly", when=when)).zone is None


@pytest.mark.parametrize("when", [SimpleNamespace(), SimpleNamespace(rule=SimpleNamespace())])
def test_an_attribute_that_is_not_there_is_an_error(when: object) -> None:
    with pytest.raises(ValidationError, match="1 validation error for Shape"):
        Shape.model_validate(SimpleNamespace(name="Nightly", when=when))


def test_a_field_without_a_value_is_not_left_out() -> None:
    with pytest.raises(ValidationError, match="name"):
        Shape.model_validate(SimpleNamespace(when=None))
    assert Shape.model_json_schema(mode="serialization")["required"] == ["name", "zone"]


def test_a_job_that_was_asked_for_is_where_the_message_says() -> None:
    class Asked(Shown):
        message: Queued = at("job_id")

    asked = Asked.model_validate(SimpleNamespace(job_id="n-20260301T120000Z"))
    assert asked.message == "queued; see /api/v1/jobs/n-20260301T120000Z"
