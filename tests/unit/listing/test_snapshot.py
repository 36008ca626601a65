"""A snapshot comes back as it was written, or is refused."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Damaged
from shared.listing.snapshot import Snapshot, decoded, encoded
from shared.schedules.listed import Listed
from tests.unit.listing.strategies import LISTED, START

MADE = Snapshot(shard="s000", epoch="e", head="h", position=START, seen=frozenset(), schedules=[])


@given(st.lists(LISTED, max_size=9), st.frozensets(st.text(max_size=9), max_size=3))
def test_it_comes_back_as_it_was(schedules: list[Listed], seen: frozenset[str]) -> None:
    made = replace(MADE, schedules=schedules, seen=seen)
    assert decoded(encoded(made)) == made


@given(st.binary(max_size=60))
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(Damaged):
        decoded(data)


@given(st.lists(LISTED, min_size=1, max_size=3), st.data())
def test_a_cut_one_is_refused(schedules: list[Listed], data: st.DataObject) -> None:
    whole = encoded(replace(MADE, schedules=schedules))
    with pytest.raises(Damaged):
        decoded(whole[: data.draw(st.integers(0, len(whole) - 1))])


@pytest.mark.parametrize(
    "wrong",
    [
        {"form": 1},
        {"states": ["sick"]},
        {"id": ["a"]},
        {"position": 5},
        {"seen": None},
    ],
)
def test_one_of_another_form_is_refused(wrong: dict[str, object]) -> None:
    said = json.loads(zlib.decompress(encoded(MADE))) | wrong
    with pytest.raises(Damaged):
        decoded(zlib.compress(json.dumps(said).encode()))
