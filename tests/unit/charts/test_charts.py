"""Charts: the same values give the same drawing, which is readable without colours and without
eyes; and its picture needs no font of the machine."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.charts import Chart, Series
from shared.charts.drawing import HEIGHT, WIDTH, svg
from shared.charts.picture import SCALE, png
from shared.notifications import kinds, languages
from shared.notifications.rendering import charts

SVG = "{http://www.w3.org/2000/svg}"
AMOUNTS = st.lists(st.integers(-(10**13), 10**13), max_size=40)


def chart(costs: Sequence[int], revenues: Sequence[int], **changes: object) -> Chart:
    values: dict[str, object] = {
        "id": "c",
        "title": "Cost & revenue <by day>",
        "description": "On the last day: \u20ac1 < \u20ac2",
        "labels": [f"{day}." for day in range(len(costs))],
        "bars": Series("Cost", costs),
        "line": Series("Revenue", revenues),
        "write": lambda minor: f"\u20ac{minor // 100}",
        "unit": 100,
    }
    return Chart(**values | changes)  # type: ignore[arg-type]


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 - it is our own


def texts(text: str) -> list[str]:
    return ["".join(one.itertext()) for one in parsed(text).iter(f"{SVG}text")]


def test_it_has_a_title_and_a_description_for_those_who_do_not_see_it() -> None:
    root = parsed(svg(chart([100], [200])))
    assert root.get("role") == "img"
    named = str(root.get("aria-labelledby")).split()
    found = [next(one for one in root if one.get("id") == id) for id in named]
    assert [one.tag for one in found] == [f"{SVG}title", f"{SVG}desc"]
    assert [one.text for one in found] == ["Cost & revenue <by day>", "On the last day: €1 < €2"]


def test_each_day_has_a_bar_and_a_point_and_the_last_is_named() -> None:
    costs, revenues = [100 * n for n in range(1, 31)], [200] * 30
    root = parsed(text := svg(chart(costs, revenues)))
    bars = [one for one in root.iter(f"{SVG}rect") if one.get("stroke")]
    assert len(bars) == 30 + 1  # with that of the legend
    assert all(one.get("stroke") == "#222222" for one in bars), "an outline, for black and white"
    assert len(list(root.iter(f"{SVG}circle"))) == 30 + 1
    assert {"29.", "Cost", "Revenue"} <= set(texts(text)) and "0." not in texts(text)


@given(AMOUNTS, st.data())
def test_whatever_the_values_all_is_inside(costs: list[int], data: st.DataObject) -> None:
    same = st.lists(st.integers(-(10**13), 10**13), min_size=len(costs), max_size=len(costs))
    root = parsed(svg(chart(costs, data.draw(same))))
    for one in root.iter():
        for name, most in (("x", WIDTH), ("cx", WIDTH), ("y", HEIGHT), ("cy", HEIGHT)):
            assert 0 <= float(one.get(name, "0")) <= most
        if one.tag == f"{SVG}rect":
            assert float(one.get("y", "0")) + float(one.get("height", "0")) <= HEIGHT
    marks = len(list(root.iter(f"{SVG}path")))
    assert 2 <= marks <= 7


@given(st.integers(1, 10**12))
def test_the_axis_has_round_marks_around_the_values(most: int) -> None:
    text = svg(chart([most], [0], write=str))
    marks = [int(one) for one in texts(text) if re.fullmatch(r"\d+", one)]
    step = marks[1] - marks[0]
    assert marks[0] == 0 and marks == [*range(0, marks[-1] + 1, step)]
    assert marks[-1] - step < most <= marks[-1]
    assert step % 100 == 0 and str(step).rstrip("0") in {"1", "2", "5"}


def test_a_higher_value_is_drawn_higher_and_a_credit_below_zero() -> None:
    root = parsed(svg(chart([100, 300, -200], [0, 0, 0])))
    low, high, credit = [one for one in root.iter(f"{SVG}rect") if one.get("stroke")][1:]
    assert float(high.get("y", "")) < float(low.get("y", "")) < float(credit.get("y", ""))
    foot = float(low.get("y", "")) + float(low.get("height", ""))
    assert float(credit.get("y", "")) == pytest.approx(foot, abs=0.11)


def test_the_same_values_give_the_same_drawing() -> None:
    assert svg(chart([1, 2], [3, 4])) == svg(chart([1, 2], [3, 4]))
    assert svg(chart([1, 2], [3, 4])) != svg(chart([1, 2], [3, 5]))


def test_nothing_of_it_comes_from_elsewhere() -> None:
    text = svg(chart([1], [2]))
    assert re.findall(r"https?://[^\"]*", text) == ["http://www.w3.org/2000/svg"]
    assert "<script" not in text and "href" not in text


def test_a_series_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="one value of each series for each label"):
        svg(chart([1, 2], [3]))


def test_the_picture_has_two_pixels_for_one() -> None:
    picture = png(svg(chart([100], [200])))
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", picture[16:24]) == (SCALE * WIDTH, SCALE * HEIGHT)
    assert len(picture) < 100_000


def drawn(text: str) -> bytes:
    """A picture of that text alone."""
    return png(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="30" height="30">'
        f'<text x="2" y="24" font-size="20" font-family="DejaVu Sans">{text}</text></svg>'
    )


@pytest.mark.parametrize("tag", languages.names())
def test_the_font_has_each_letter_that_a_chart_may_have(tag: str) -> None:
    sample = kinds.kind("cost_report").sample
    (text,) = charts("cost_report", sample, tag).values()
    language = languages.load(tag)
    letters = set("".join([*texts(text), *language.times.short_months, *"0123456789-€$£¥ABCXYZ"]))
    missing = {drawn("\U0010fffd"), drawn("\u5b57"), drawn(" ")}  # no letter, none of ours, nothing
    assert [one for one in letters if one.strip() and drawn(one) in missing] == []
