"""A job's result fits, and says what it leaves out."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from shared.backups.jobs.result import fitting


def test_what_fits_is_left_alone() -> None:
    result = {"backups": [{"id": "a"}], "removed": []}
    assert fitting(result) == result


def test_what_is_left_out_is_counted() -> None:
    many = [{"id": f"{number:032}"} for number in range(1000)]
    shown = fitting({"backups": many, "removed": ["x"]}, 5000)
    assert len(json.dumps(shown)) <= 5000
    backups, left_out = shown["backups"], shown["left_out"]
    assert isinstance(backups, list) and isinstance(left_out, dict)
    assert backups == many[: len(backups)]
    assert len(backups) + left_out["backups"] == 1000
    assert shown["removed"] == ["x"]


@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.text(max_size=50), max_size=60)))
def test_it_always_fits(result: dict[str, list[str]]) -> None:
    assert len(json.dumps(fitting(result, 500))) <= 500
