"""What is said of a campaign's effect: Newcombe's published examples, and plain words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.data.models import Part
from shared.marketing.effect import DAYS, CampaignEffect, measured, newcombe, wilson
from shared.marketing.parts import part_of


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        # Newcombe 1998 (second paper), table II, method 10
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_the_interval_is_the_published_one(
    counts: tuple[int, int, int, int], low: float, high: float
) -> None:
    assert newcombe(*counts) == pytest.approx((low, high), abs=1e-4)


_OF = st.integers(1, 5000)


@given(st.data())
def test_an_interval_holds_its_share_and_stays_in_bounds(data: st.DataObject) -> None:
    of, others = data.draw(_OF), data.draw(_OF)
    some, other = data.draw(st.integers(0, of)), data.draw(st.integers(0, others))
    low, high = wilson(some, of)
    assert 0 <= low <= some / of <= high <= 1
    low, high = newcombe(some, of, other, others)
    assert -1 - 1e-9 <= low <= some / of - other / others <= high <= 1 + 1e-9
    turned = newcombe(other, others, some, of)
    assert turned == pytest.approx((-high, -low))


@pytest.mark.parametrize(
    ("counts", "said", "harmful"),
    [
        ((DAYS, 400, 120, 100, 10), "more came: +20.0 points, 95 % from", False),
        ((DAYS, 400, 20, 100, 25), "fewer came: -20.0 points", True),
        ((DAYS - 1, 400, 20, 100, 25), "fewer came: -20.0 points", False),
        ((DAYS, 400, 42, 100, 10), "no difference can be told: +0.5 points", False),
        ((DAYS, 29, 29, 100, 0), "too few for a statement: 29 were written to and 100", False),
        ((DAYS, 400, 400, 29, 0), "too few for a statement", False),
        ((DAYS, 400, 400, 0, 0), "nobody to compare with", False),
    ],
)
def test_what_is_said(counts: tuple[int, int, int, int, int], said: str, harmful: bool) -> None:
    found = measured(*counts)
    assert found.said.startswith(said)
    assert found.harmful is harmful
    assert (found.low is None) == ("statement" in said or "nobody" in said)
    assert CampaignEffect.model_validate_json(found.model_dump_json()) == found


def test_who_is_held_out_is_a_fifth_the_same_each_time_and_others_each_campaign() -> None:
    owners = range(10_000)
    first = [part_of("1:a:2026-11-30", one, 20) for one in owners]
    assert first == [part_of("1:a:2026-11-30", one, 20) for one in owners]
    held = {one for one, part in zip(owners, first, strict=True) if part is Part.HELD_OUT}
    assert 1880 < len(held) < 2120
    others = {one for one in owners if part_of("1:a:2026-12-07", one, 20) is Part.HELD_OUT}
    assert 300 < len(held & others) < 500, "independent"
    assert {part_of("x", one, 0) for one in owners} == {Part.WRITTEN_TO}
