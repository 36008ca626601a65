"""The cost report of a day: means, lines, and how it is shortened for its mail."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from shared.finance.report import for_mail, lines, mean, report
from shared.finance.sums import InCurrency, Sum
from shared.notifications.kinds.cost_report import CostReport
from shared.notifications.rendering import render

DAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    ("earlier", "found"),
    [(3000, 100), (45, 2), (15, 0), (75, 2), (105, 4), (29, 1), (-30, -1), (0, 0)],
)
def test_the_mean_is_over_30_days_whatever_was_recorded(earlier: int, found: int) -> None:
    """Half is rounded to the even one."""
    assert mean(Sum(earlier=earlier, had_earlier=True)) == found


def test_without_any_day_before_there_is_no_mean() -> None:
    assert mean(Sum(day=500)) is None


def some() -> InCurrency:
    found = InCurrency()
    found.costs = {
        "sms": Sum(day=200, day_before=100, earlier=3000, had_earlier=True),
        "compute": Sum(day=900),
        "storage": Sum(earlier=60, had_earlier=True),
    }
    found.revenue = Sum(day=2000, day_before=1000, earlier=6000, had_earlier=True)
    found.commissions = {(1, "Vets"): 50, (2, "Vets"): 70, (3, " \u202e "): 10}
    found.cost_by_day = {DAY: 1100, DAY - timedelta(days=1): 100, DAY - timedelta(days=30): 9}
    found.revenue_by_day = {DAY: 2000}
    return found


def test_a_report_has_each_currency_by_itself() -> None:
    found = report(DAY, {"EUR": InCurrency(), "USD": some()})
    empty, one = found.currencies
    assert (empty.currency, one.currency) == ("EUR", "USD")
    assert [(cost.category, cost.amount_minor, cost.mean_minor) for cost in one.costs] == [
        ("compute", 900, None),
        ("sms", 200, 100),
        ("storage", 0, 2),
    ]
    assert (one.cost_minor, one.cost_day_before_minor, one.cost_mean_minor) == (1100, 100, 102)
    assert (one.revenue_minor, one.revenue_day_before_minor, one.revenue_mean_minor) == (
        2000,
        1000,
        200,
    )
    assert [(each.partner, each.amount_minor) for each in one.commissions] == [
        ("Vets", 70),
        ("Vets", 50),
        ("(without a name)", 10),
    ]
    assert one.left_minor == 2000 - 1100 - 130


def test_the_chart_has_30_days_and_days_without_anything_are_zero() -> None:
    series = report(DAY, {"USD": some()}).currencies[0].series
    assert [one.day for one in series] == [DAY - timedelta(days=n) for n in range(29, -1, -1)]
    assert [one.cost_minor for one in series] == [0] * 28 + [100, 1100]
    assert [one.revenue_minor for one in series] == [0] * 29 + [2000]


def test_the_log_has_it_in_words() -> None:
    told = list(lines(report(DAY, {"USD": some()}).currencies[0]))
    assert told[:2] == [
        "costs 11.00 USD (the day before 1.00 USD, mean 1.02 USD), revenue 20.00 USD, commissions "
        "1.30 USD, left 7.70 USD",
        "costs of compute: 9.00 USD (the day before 0.00 USD, mean none)",
    ]
    assert "commission of Vets: 0.70 USD" in told


def many(currencies: int, each: int) -> CostReport:
    found = some()
    found.costs = {
        f"category {n:04}": Sum(day=n, earlier=30 * n, had_earlier=True) for n in range(each)
    }
    found.commissions = {(n, f"partner “{n}”"): n for n in range(each)}
    codes = [f"A{chr(65 + n // 26)}{chr(65 + n % 26)}" for n in range(currencies)]
    return report(DAY, dict.fromkeys(codes, found))


@pytest.mark.parametrize(("currencies", "each"), [(1, 3), (1, 5000), (6, 300), (40, 50)])
def test_a_mail_has_room_for_what_is_largest_and_for_the_sum_of_the_rest(
    currencies: int, each: int
) -> None:
    whole = many(currencies, each)
    values = for_mail(whole)
    assert len(json.dumps(values)) <= 28_000
    shortened = CostReport.model_validate(values)
    assert len(shortened.currencies) == currencies
    for short, full in zip(shortened.currencies, whole.currencies, strict=True):
        assert short.cost_minor == full.cost_minor
        assert short.commissions_minor == full.commissions_minor
        assert short.cost_day_before_minor == full.cost_day_before_minor
        assert short.cost_mean_minor == full.cost_mean_minor
        assert short.costs[0] == full.costs[0]
        assert (short.unnamed_costs is None) is (len(short.costs) == each)
        assert short.other_costs(len(short.costs)) == short.unnamed_costs


@pytest.mark.parametrize("each", [25, 5000])
def test_the_mail_has_one_line_for_the_others_the_last_in_its_language(each: int) -> None:
    """Its tables name still fewer than its data do; the others are large together."""
    content = render("cost_report", for_mail(many(1, each)), "de")
    sums = [line.strip() for line in content.text.splitlines() if line.startswith("  - ")]
    costs, commissions = sums[: len(sums) // 2], sums[len(sums) // 2 :]
    for table in (costs, commissions):
        assert [line.startswith("- Übrige: ") for line in table] == [False] * 20 + [True]
    assert content.text.count("Übrige") == content.html.count("Übrige") == 2
    assert "others" not in (content.text + content.html).lower()
    rest = sum(range(each - 20))
    said = f"{rest // 100:,}".replace(",", ".") + f",{rest % 100:02}"
    assert costs[-1].startswith(f"- Übrige: {said}") and commissions[-1].startswith(
        f"- Übrige: {said}"
    )


def test_what_fits_is_sent_whole() -> None:
    whole = report(DAY, {"USD": some()})
    assert CostReport.model_validate(for_mail(whole)) == whole


def test_it_is_what_the_mail_is_made_of() -> None:
    content = render("cost_report", for_mail(report(DAY, {"USD": some()})), "en")
    assert "compute" in content.text and "$9.00" in content.html
    assert list(content.images) == ["chart-usd"]


def test_a_day_without_anything_has_a_report_too() -> None:
    content = render("cost_report", for_mail(report(DAY, {})), "en")
    assert content.subject and content.text
