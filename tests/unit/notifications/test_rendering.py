"""Whatever names and amounts there are: what is said stays readable, short, and only text."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid, Misconfigured
from shared.notifications import kinds, languages
from shared.notifications.kinds import NAME, SMS, printable
from shared.notifications.rendering import HTML, SEGMENTS, charts, read, render
from shared.notifications.segments import size

REMINDER = "appointment_reminder_24h"
SAMPLE = kinds.kind(REMINDER).sample
REPORT: Mapping[str, Any] = kinds.kind("cost_report").sample
(EURO,) = REPORT["currencies"]
TEXT_MESSAGES = [name for name in kinds.names() if kinds.kind(name).channel == SMS]
NAMES = ("tenant", "pet", "vaccination")


def named(kind: str, name: str) -> Mapping[str, object]:
    """The kind's sample, in which everybody has that name."""
    sample = kinds.kind(kind).sample
    return {key: name if key in NAMES else value for key, value in sample.items()}


def report(category: str, partner: str = "P", count: int = 1, currencies: int = 1) -> Any:
    """A report of many rows, each named like that."""
    codes = [f"X{chr(65 + n // 26)}{chr(65 + n % 26)}" for n in range(currencies)]
    amounts = {"day_before_minor": 10**9, "mean_minor": 10**9, "estimated": True}
    costs = [
        {"category": f"{n} {category}", "amount_minor": 10**9 - n, **amounts} for n in range(count)
    ]
    commissions = [{"partner": f"{n} {partner}", "amount_minor": 10**9 - n} for n in range(count)]
    one = {
        "costs": costs,
        "commissions": commissions,
        "revenue_minor": 10**12,
        "revenue_day_before_minor": 0,
        "revenue_mean_minor": None,
    }
    return {"day": "2026-11-30", "currencies": [{"currency": code, **one} for code in codes]}


@pytest.mark.parametrize("name", ["{{ 7 * 7 }}", "{% raw %}", "{{ tenant.__class__ }}", "${x} %s"])
def test_a_name_is_no_template(name: str) -> None:
    assert f" {name} " in render(REMINDER, {**SAMPLE, "pet": name}, "en").text
    assert name in render("cost_report", report(name), "en").text


def test_a_name_is_no_markup() -> None:
    name = '<script>alert(1)</script>"><img src=x onerror=y> & Söhne'
    html = render("cost_report", report(name, partner=name), "de").html
    assert "<script" not in html and "<img" not in html
    assert html.count("&lt;script&gt;") == 2 and "&amp; Söhne" in html


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Bella\r\nBcc: x@example.com", "Bella Bcc: x@example.com"),
        ("\tBel\0la\x1b[31m\u2028x ", "Bel\ufffdla [31m x"),
        ("a\u202egnip\u200b", "agnip"),
        ("Mu\u0308ller", "Müller"),
        ("half \ud83d", "half \ufffd"),
    ],
)
def test_a_name_is_one_line_of_what_can_be_seen(name: str, shown: str) -> None:
    assert printable(name) == shown
    text = render(REMINDER, {**SAMPLE, "pet": name}, "en").text
    assert f" {shown} on Tue" in text and len(text.splitlines()) == 1


@pytest.mark.parametrize("tag", languages.names())
@pytest.mark.parametrize("kind", TEXT_MESSAGES)
@pytest.mark.parametrize("name", ["a" * 10_000, "🐶" * 10_000, "€" * 10_000, "ж" * 61, "W " * 99])
def test_a_text_message_has_three_parts_at_most(kind: str, tag: str, name: str) -> None:
    text = render(kind, named(kind, name), tag).text
    assert size(text).segments <= SEGMENTS
    assert name[0] * 5 in text.replace(" ", "")
    assert "..." in text or len(name) <= NAME
    text.encode()  # no half of an emoji


@given(st.text(min_size=1), st.sampled_from(TEXT_MESSAGES), st.sampled_from(languages.names()))
def test_any_name_can_be_said(name: str, kind: str, tag: str) -> None:
    if printable(name):
        text = render(kind, named(kind, name), tag).text
        assert text.isprintable() or not name.isprintable()
        assert 0 < size(text).segments <= SEGMENTS


@given(st.text(max_size=3 * NAME), st.integers(10, NAME))
def test_a_name_is_as_long_as_it_may_be_and_stays_as_it_is_from_then_on(
    name: str, longest: int
) -> None:
    short = printable(name, longest)
    assert len(short.encode("utf-16-le")) // 2 <= longest
    assert printable(short, longest) == short


def test_typographic_quotes_do_not_make_a_message_dear() -> None:
    text = render(
        REMINDER, {**SAMPLE, "tenant": "Paul\u2019s \u201cVet\u201d \u2013 City"}, "en"
    ).text
    assert text.startswith("""Paul's "Vet" - City:""") and size(text).segments == 1


@pytest.mark.parametrize(("rows", "currencies"), [(0, 1), (1, 1), (500, 1), (500, 12)])
def test_html_is_not_so_long_that_it_is_clipped(rows: int, currencies: int) -> None:
    data = report("W" * 500, "V" * 500, rows, currencies)
    content = render("cost_report", data, "en")
    assert len(content.html.encode()) <= HTML
    if rows > 20:
        assert "Others" in content.html and "Others" in content.text


def test_rows_that_are_left_out_are_added_up() -> None:
    data = report("c", "p", 30)
    kept = sum(10**9 - n for n in range(20))
    rest = languages.load("en").money(sum(10**9 - n for n in range(30)) - kept, "XAA")
    content = render("cost_report", data, "en")
    assert content.text.count(f"Others: {rest}") == 2
    assert content.html.count(rest) == 2
    assert "19 c" in content.text and "20 c" not in content.text


class Tags(HTMLParser):
    """Fails unless each tag that is opened is closed in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in {"img", "meta"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("tag", languages.names())
@pytest.mark.parametrize(
    "data", [REPORT, report("c", count=30), report("c", count=0), {"day": "2026-11-30"}]
)
def test_html_is_well_formed_and_its_pictures_say_their_numbers(data: Any, tag: str) -> None:
    content = render("cost_report", data, tag)
    tags = Tags()
    tags.feed(content.html)
    assert tags.open == []
    assert [one["src"] for one in tags.images] == [f"cid:{id}" for id in content.images]
    language = languages.load(tag)
    for image in tags.images:
        assert language.money(5_569, "EUR") in str(image["alt"])
        assert language.money(18_350, "EUR") in str(image["alt"])


def test_a_report_says_what_the_day_cost_and_earned() -> None:
    content = render("cost_report", REPORT, "en")
    assert content.subject == "Cost report for Mon, Nov 30"
    for said in (
        "Revenue: €183.50 (Day before: €172.00, 30-day mean: €164.80)",
        "Cost: €55.69 (Day before: €53.82, 30-day mean: €51.60)",
        "Revenue less cost: €127.81 (69.7% of revenue)",
        "Revenue less cost and commissions: €109.46 (59.7% of revenue)",
        "Text messages (estimated): €23.10 (Day before: €19.80, 30-day mean: €19.05, +21.3%)",
        "Pets & Partners: €12.50",
    ):
        assert said in content.text
    for said in (
        "€183.50",
        "€55.69",
        "€127.81",
        "69.7%",
        "€109.46",
        "+21.3%",
        "Pets &amp; Partners",
    ):
        assert said in content.html


def test_a_day_without_revenue_or_anything_from_before() -> None:
    one = {"currency": "JPY", "revenue_minor": 0, "revenue_day_before_minor": 0}
    data = {"day": "2026-11-30", "currencies": [one | {"revenue_mean_minor": None}]}
    content = render("cost_report", data, "en")
    assert "Revenue less cost: ¥0\n" in content.text and "%" not in content.text
    assert content.images == {} and "Nothing was recorded" not in content.text
    assert "Nothing was recorded" in render("cost_report", {"day": "2026-11-30"}, "en").text


def test_a_report_shows_a_chart_for_each_currency() -> None:
    data = {**REPORT, "currencies": [EURO, {**EURO, "currency": "USD"}]}
    content = render("cost_report", data, "en")
    assert (
        list(content.images)
        == ["chart-eur", "chart-usd"]
        == list(charts("cost_report", data, "en"))
    )
    assert all(one.startswith(b"\x89PNG") for one in content.images.values())
    assert charts(REMINDER, SAMPLE, "en") == {}


def test_without_the_library_that_draws_the_mail_goes_without_its_picture(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with_picture = render("cost_report", REPORT, "en")
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    content = render("cost_report", REPORT, "en")
    assert content.images == {} and "<img" not in content.html
    assert content.text == with_picture.text and "€183.50" in content.html
    assert caplog.text.count("chart_left_out") == 1


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"starts_at": "2026-12-01T13:30:00"}, "starts_at", "timezone"),
        ({"starts_at": "soon"}, "starts_at", "datetime"),
        ({"timezone": "Mars/Olympus"}, "timezone", "Mars/Olympus"),
        ({"pet": ""}, "pet", "at least 1 character"),
        ({"pet": "\u200b\n"}, "pet", "at least 1 character"),
        ({"pet": None}, "pet", "valid string"),
        ({"phone": "+4930"}, "phone", "Extra inputs"),
    ],
)
def test_data_that_are_not_the_kinds_are_refused_by_their_field(
    change: Mapping[str, object], field: str, said: str
) -> None:
    with pytest.raises(Invalid, match=re.escape(said)) as refused:
        render(REMINDER, {**SAMPLE, **change}, "en")
    assert refused.value.field == field and REMINDER in str(refused.value)


def test_each_field_that_is_wrong_is_named_and_no_value() -> None:
    wrong = {"tenant": "T", "pet": 5, "starts_at": "hush", "timezone": "UTC"}
    with pytest.raises(Invalid) as refused:
        read(REMINDER, wrong)
    assert "pet" in str(refused.value) and "starts_at" in str(refused.value)
    assert "hush" not in str(refused.value) and refused.value.__context__ is None
    with pytest.raises(Invalid) as nested:
        read("cost_report", {"day": "2026-11-30", "currencies": [{"currency": "euro"}]})
    assert nested.value.field == "currencies.0.currency"


def test_a_currency_comes_once() -> None:
    with pytest.raises(Invalid, match="given twice"):
        read("cost_report", {**REPORT, "currencies": [EURO, EURO]})


@pytest.mark.parametrize("kind", ["", "nope", "../rendering", "cost_report.KIND"])
def test_a_kind_that_does_not_exist_is_refused_with_those_that_do(kind: str) -> None:
    with pytest.raises(Invalid, match=r"there are .*cost_report") as refused:
        render(kind, SAMPLE, "en")
    assert refused.value.field == "kind"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ owner }}", "'owner' is undefined"),
        ("{{ tenant.__class__.__mro__ }}", "unsafe"),
        ("{% if %}", "Expected"),
        ("{{ tenant | money }}", "currency"),
    ],
)
def test_a_template_that_is_wrong_is_told_with_its_kind(
    monkeypatch: pytest.MonkeyPatch, source: str, said: str
) -> None:
    english = languages.load("en")
    words = english.words(REMINDER).model_copy(update={"text": source})
    changed = english.model_copy(update={"kinds": {REMINDER: words}})
    monkeypatch.setattr(languages, "find", lambda _: changed)
    with pytest.raises(Misconfigured, match=rf"{REMINDER} in en.toml.*{said}"):
        render(REMINDER, SAMPLE, "en")


def test_a_language_that_lacks_a_kind_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = languages.load("de").model_copy(update={"kinds": {}})
    monkeypatch.setattr(languages, "find", lambda _: lacking)
    with pytest.raises(Misconfigured, match=rf"de\.toml has no words for {REMINDER}"):
        render(REMINDER, SAMPLE, "de")


def test_what_renders_is_loaded_when_something_is_rendered() -> None:
    code = "import sys; import shared.notifications.rendering; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"jinja2", "resvg_py", "shared.charts.drawing", "azure", "requests"}


def test_rendering_twice_says_the_same(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "belfry"):
        assert render("cost_report", REPORT, "de") == render("cost_report", REPORT, "de")
    assert caplog.records == []
