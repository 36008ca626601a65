"""What the table and JSON can hold of a text, whatever text it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.text import clean, cut, depth, is_clean, those, units

CHARACTERS = st.characters(exclude_categories=()) | st.sampled_from("a\0é😀\ud83d\ude00\ud800")
"""Halves of pairs among them."""
TEXTS = st.text(CHARACTERS)


@given(TEXTS)
def test_clean_text_can_be_encoded_and_is_left_alone(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert "\0" not in cleaned
    assert clean(cleaned) == cleaned and is_clean(cleaned)
    assert is_clean(text) == (cleaned == text)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_what_can_be_stored_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


def test_two_halves_make_a_whole_and_one_is_replaced() -> None:
    assert clean("\ud83d\ude00") == "😀"
    assert clean("a\ud83d b\ude00\0") == "a\ufffd b\ufffd\ufffd"


@given(TEXTS, st.integers(0, 30))
def test_a_cut_text_fits_and_is_the_first_of_it(text: str, most: int) -> None:
    text = clean(text)
    kept = cut(text, most)
    assert text.startswith(kept)
    assert units(kept) == len(kept.encode("utf-16-le")) // 2 <= most
    if kept != text:
        assert units(kept + text[len(kept)]) > most


def test_an_emoji_takes_two_units() -> None:
    assert units("😀" * 10) == 20
    assert cut("😀" * 10, 5) == "😀😀"


def test_depth_counts_lists_and_objects_however_many() -> None:
    values: list[object] = [1, "a", [], {}, [[]], {"a": [1, {"b": 2}]}]
    assert [depth(value) for value in values] == [
        0, 0, 1, 1, 2, 3,
    ]  # fmt: skip
    deep: object = 1
    for _ in range(50_000):
        deep = [deep]
    assert depth(deep) == 50_000


@pytest.mark.parametrize(
    ("names", "said"),
    [((), "there is none"), (("a",), "there is only a"), (("a", "b"), "there are a, b")],
)
def test_those_there_are_are_told_as_one_speaks(names: tuple[str, ...], said: str) -> None:
    assert those(names) == said
