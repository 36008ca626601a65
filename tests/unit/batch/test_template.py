"""An item's values in parameters: whole values, and nothing that an item holds does more."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.batch.template import filled, references
from shared.errors import Invalid

_HOSTILE = [
    "{item}",
    "{0.__class__.__mro__}",
    "{{7*7}}",
    "${jndi:ldap://x}",
    "%(id)s",
    "$id",
    "{% for x in ().__class__.__base__.__subclasses__() %}",
    '{"item": "other"}',
    "__import__('os').system('id')",
    "=HYPERLINK(1)",
    "\u202e{item}",
]
_VALUES: list[Any] = [*_HOSTILE, {"item": "other"}, {"literal": 1}, [{"item": "id"}], None, True, 7]


@pytest.mark.parametrize("value", _VALUES)
def test_a_value_is_put_in_as_it_is_and_never_looked_through(value: object) -> None:
    item = {"id": value, "other": "secret"}
    template = {"a": {"item": "id"}, "b": ["{item}", {"c": {"item": "id"}}]}
    assert filled(template, item, "p") == {"a": value, "b": ["{item}", {"c": value}]}


@pytest.mark.parametrize("text", _HOSTILE)
def test_texts_of_a_template_are_texts(text: str) -> None:
    template = {"text": text, text: {"item": "id"}}
    assert filled(template, {"id": 1}, "p") == {"text": text, text: 1}
    assert list(references(template, "p")) == ["id"]


def test_a_literal_stands_for_what_looks_like_a_reference() -> None:
    template = {"literal": {"item": "id"}}
    assert filled(template, {}, "p") == {"item": "id"} and list(references(template, "p")) == []


@pytest.mark.parametrize(
    ("reference", "value", "made"),
    [
        ("integer", " 42 ", 42),
        ("integer", 42, 42),
        ("number", "-1.5e3", -1500.0),
        ("number", 2, 2),
        ("boolean", "TRUE", True),
        ("boolean", False, False),
        ("text", 42, "42"),
        ("text", True, "true"),
    ],
)
def test_a_text_reads_as_asked(reference: str, value: object, made: object) -> None:
    found = filled({"item": "n", "as": reference}, {"n": value}, "p")
    assert found == made and type(found) is type(made)


@pytest.mark.parametrize(
    ("how", "value"),
    [
        ("integer", "4_2"),
        ("integer", "٤٢"),
        ("integer", "9" * 5000),
        ("integer", True),
        ("integer", "0x10"),
        ("number", "nan"),
        ("number", "inf"),
        ("number", "1e999"),
        ("boolean", "yes"),
        ("boolean", 1),
        ("text", None),
        ("text", ["a"]),
    ],
)
def test_what_does_not_read_as_asked_is_refused(how: str, value: object) -> None:
    with pytest.raises(Invalid, match="of the item is no"):
        filled({"item": "n", "as": how}, {"n": value}, "p")


@pytest.mark.parametrize(
    "reference",
    [
        {"item": 7},
        {"item": ["id"]},
        {"item": None},
        {"item": ""},
        {"item": "a\nb"},
        {"item": "!"},
        {"item": "id", "as": "eval"},
        {"item": "id", "as": ["text"]},
    ],
)
def test_a_reference_that_is_not_well_formed_is_refused(reference: object) -> None:
    with pytest.raises(Invalid):
        list(references([reference], "p"))
    with pytest.raises(Invalid):
        filled(reference, {}, "p")


def test_a_missing_value_and_too_long_a_result_are_refused() -> None:
    with pytest.raises(Invalid, match="no value '__class__'"):
        filled({"item": "__class__"}, {"id": 1}, "p")
    with pytest.raises(Invalid, match="more than 30000"):
        filled([{"item": "id"}] * 40, {"id": "x" * 1000}, "p")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@given(value=_JSON)
def test_what_has_no_reference_stays_as_it_is(value: Any) -> None:
    def plain(one: Any) -> bool:
        if isinstance(one, dict):
            return not {"item", "literal"} & one.keys() and all(map(plain, one.values()))
        return all(map(plain, one)) if isinstance(one, list) else True

    if plain(value):
        assert filled(value, {"id": "x"}, "p") == value
