"""Which backups look as if something had been lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backups.model import Manifest
from shared.backups.rules.anomaly import suspicions
from tests.unit.backups.test_model import manifest

MB = 1_000_000
tables = st.dictionaries(st.text(max_size=5), st.integers(0, 10**6), max_size=12)
sizes = st.integers(0, 100 * MB)


def one(size: int = 10 * MB, /, **rows: int) -> Manifest:
    return manifest(uncompressed_bytes=size, tables=rows)


def test_the_first_of_all_is_suspicious_only_if_it_holds_nothing() -> None:
    assert suspicions(one(0, users=1), []) == ()
    assert suspicions(one(users=0, pets=1), []) == ()
    assert suspicions(one(), []) == ("it holds nothing: there is no table",)
    assert suspicions(one(users=0, pets=0), []) == ("it holds nothing: no row in 2 table(s)",)
    assert suspicions(one(), [one()]) == (), "a person has accepted that"


@given(st.builds(lambda size, rows: one(size, **rows), sizes, tables), st.integers(1, 5))
def test_one_like_those_before_is_not_suspicious(same: Manifest, count: int) -> None:
    assert suspicions(same, [same] * count) == ()


@given(sizes, tables, st.integers(0, 50 * MB), st.integers(0, 1000))
def test_one_that_has_grown_is_not_suspicious(
    size: int, rows: dict[str, int], more: int, new_rows: int
) -> None:
    grown = {name: count + new_rows for name, count in rows.items()} | {"a new one": new_rows}
    assert suspicions(one(size + more, **grown), [one(size, **rows)]) == ()


@pytest.mark.parametrize(
    ("size", "before", "said"),
    [
        (12_100_000, [30_400_000], "12.1 MB, less than half of the 30.4 MB of the one before"),
        (
            12_100_000,
            [30_400_000, 1, 90_000_000_000],
            "12.1 MB, less than half of the 30.4 MB of the ones before",
        ),
        (0, [2_500_000_000], "0 B, less than half of the 2.5 GB of the one before"),
        (999_950, [4 * MB], "1.0 MB, less than half of the 4.0 MB of the one before"),
        (999_949, [4 * MB], "999.9 kB, less than half of the 4.0 MB of the one before"),
        (524_287, [1 << 20], "524.3 kB, less than half of the 1.0 MB of the one before"),
        (524_288, [1 << 20], None),
        (0, [(1 << 20) - 1], None),
        (15_200_000, [30_400_000], None),
        (15_199_999, [30_400_000], "15.2 MB, less than half of the 30.4 MB of the one before"),
        (10 * MB, [30 * MB, 8 * MB, 8 * MB], None),
    ],
)
def test_less_than_half_of_the_usual_size_is_suspicious(
    size: int, before: list[int], said: str | None
) -> None:
    assert suspicions(one(size), [one(each) for each in before]) == (
        () if said is None else (said,)
    )


def test_a_table_that_lost_all_its_rows_is_suspicious() -> None:
    before = [one(a=1204, b=1, c=0, d=9000), one(e=5)]
    assert suspicions(one(a=0, c=0, d=9000), before) == (
        "table a had 1,204 rows and has none",
        "table b had 1 row and is gone",
    )


def test_a_table_that_is_empty_now_and_then_is_not_suspicious() -> None:
    assert suspicions(one(jobs=0, d=900), [one(jobs=7, d=900), one(jobs=0, d=900)]) == ()


def test_partitions_that_rotate_are_not_suspicious() -> None:
    before = one(events_2026_11_13=9, events_2026_11_14=9, users=5)
    assert suspicions(one(events_2026_11_14=9, events_2026_11_15=9, users=5), [before]) == ()
    emptied = one(events_2026_11_14=0, events_2026_11_15=9, users=5)
    assert suspicions(emptied, [before]) == ("table events_2026_11_14 had 9 rows and has none",)


def test_of_many_the_five_largest_are_named() -> None:
    before = one(**{name: number for number, name in enumerate("abcdefg", 1)})
    said = suspicions(one(), [before])
    assert said[:2] == ("table g had 7 rows and is gone", "table f had 6 rows and is gone")
    assert said[5:] == ("2 more tables had rows and are empty or gone",)
    assert suspicions(one(a=1), [before])[5:] == ("1 more table had rows and are empty or gone",)


@pytest.mark.parametrize(
    ("rows", "before", "said"),
    [
        (499, [1000], "499 rows in all, less than half of the 1,000 rows of the one before"),
        (500, [1000], None),
        (1, [9, 300, 400], "1 row in all, less than half of the 300 rows of the ones before"),
        (1, [99], None),
        (49, [100], "49 rows in all, less than half of the 100 rows of the one before"),
    ],
)
def test_less_than_half_of_the_usual_rows_is_suspicious(
    rows: int, before: list[int], said: str | None
) -> None:
    found = suspicions(one(a=rows), [one(a=each) for each in before])
    assert found == (() if said is None else (said,))


@given(tables, tables, st.lists(tables, max_size=3))
def test_exactly_what_the_newest_before_had_and_this_has_not_is_told(
    now: dict[str, int], last: dict[str, int], older: list[dict[str, int]]
) -> None:
    said = suspicions(one(**now), [one(**last), *(one(**each) for each in older)])
    usual = {name for name in last if all(each.get(name, 1) > 0 for each in [last, *older])}
    lost = [name for name in usual if now.get(name, 0) == 0]
    named = [text for text in said if text.startswith("table ")]
    assert len(named) == min(len(lost), 5)
    assert any("more table" in text for text in said) is (len(lost) > 5)
    for text in named:
        assert any(text.startswith(f"table {name} had ") for name in lost)


@given(sizes, st.lists(sizes, min_size=1, max_size=5), sizes)
def test_a_smaller_one_is_no_less_suspicious(size: int, before: list[int], less: int) -> None:
    earlier = [one(each) for each in before]
    assert len(suspicions(one(max(size - less, 0)), earlier)) >= len(suspicions(one(size), earlier))
