"""The pure parts of the audit: canonical text, links, differences, and what is kept of values."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.access import LOCAL
from shared.audit.chain import Finding, Head, Record, Wrong, check, digest_of, linked
from shared.audit.diff import Difference, differences
from shared.audit.entry import Entry, Outcome, canonical, from_json, kept
from shared.audit.port import Action, Subject

AT = datetime(2026, 11, 29, 21, 0, tzinfo=UTC)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def entry(number: int = 0) -> Entry:
    return Entry.of(LOCAL, Action.CHANGE, Subject("calendar", f"c{number}"), AT)


def records(many: int) -> list[Record]:
    return linked([entry(number) for number in range(many)], Head())


def findings(given: list[Record], head: Head = Head()) -> list[Finding]:  # noqa: B008
    return [one for one in check(given, head) if isinstance(one, Finding)]


@given(st.dictionaries(st.text(), JSON))
def test_what_is_kept_of_an_object_is_json_and_comes_back(value: dict[str, object]) -> None:
    one = Entry.of(LOCAL, Action.CREATE, Subject("x", "y", 7), AT, before=value)
    assert from_json(json.loads(canonical(one.to_json()))) == one


@given(JSON, JSON)
def test_differences_are_those_that_lead_from_one_to_the_other(one: object, other: object) -> None:
    found = list(differences(one, other))
    assert bool(found) == (canonical(one) != canonical(other))


def test_a_difference_names_its_place() -> None:
    before = {"a": {"b/c": 1, "same": 2}, "gone": 3}
    after = {"a": {"b/c": 2, "same": 2}, "new": [1]}
    assert list(differences(before, after)) == [
        Difference("/a/b~1c", 1, 2),
        Difference("/gone", 3, None),
        Difference("/new", None, [1]),
    ]


def test_true_and_one_differ() -> None:
    assert list(differences({"a": True}, {"a": 1})) == [Difference("/a", True, 1)]


class Colour(StrEnum):
    RED = "red"


def test_values_of_python_become_json() -> None:
    assert kept({"at": AT, "colour": Colour.RED, "pair": (1, 2), "set": frozenset({"b", "a"})}) == {
        "at": "2026-11-29T21:00:00Z",
        "colour": "red",
        "pair": [1, 2],
        "set": ["a", "b"],
    }
    assert kept({"nan": float("nan"), "inf": float("inf")}) == {"nan": "nan", "inf": "inf"}


def test_what_is_too_long_is_kept_as_its_hash() -> None:
    said = kept({"text": "x" * 200_000})
    assert said is not None
    assert said.keys() == {"too_long", "sha256"}


def test_the_hash_is_that_of_the_text_which_has_the_hash_before() -> None:
    first, second = records(2)
    assert first.said()["previous"] == "0" * 64
    assert second.said()["previous"] == first.digest == digest_of(first.text)
    assert findings([first, second]) == []


@given(st.integers(1, 8), st.data())
def test_any_record_that_is_left_out_is_named(many: int, data: st.DataObject) -> None:
    made = records(many + 1)
    gone = data.draw(st.integers(0, many - 1))
    (found,) = findings([*made[:gone], *made[gone + 1 :]])
    assert (found.wrong, found.number) == (Wrong.REMOVED, gone + 1)


@given(st.integers(2, 8), st.data())
def test_any_text_that_is_changed_is_named(many: int, data: st.DataObject) -> None:
    made = records(many)
    at = data.draw(st.integers(0, many - 1))
    place = data.draw(st.integers(0, len(made[at].text) - 1))
    text = made[at].text
    made[at] = replace(made[at], text=text[:place] + "\0" + text[place + 1 :])
    (found,) = findings(made)
    assert (found.wrong, found.number) == (Wrong.CHANGED, at + 1)


@pytest.mark.parametrize("text", ["", "[]", "{}", '"x"', "{", '{"number": "1"}'])
def test_a_text_that_is_no_record_is_named(text: str) -> None:
    (found, *_) = findings([Record(1, digest_of(text), text)])
    assert (found.wrong, found.number) == (Wrong.CHANGED, 1)


def test_the_outcome_of_a_failure_has_no_secret() -> None:
    one = entry().ended(None, ValueError("postgresql://u:secret@h/d is away"))
    assert one.outcome is Outcome.FAILED
    assert one.error == "ValueError: postgresql://u:***@h/d is away"
