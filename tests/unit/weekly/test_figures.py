"""Weeks, comparisons, lateness and rules of the weekly report: pure functions of values."""

from __future__ import annotations

import re
from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.jobs.counting import Counts
from shared.jobs.directory import Sums
from shared.jobs.totals import LATE, Histogram
from shared.schedules.costs import Paid
from shared.schedules.job import Status
from shared.weekly import comparing, figures, late, making, rules
from shared.weekly.model import Lateness
from shared.weekly.port import Said
from shared.weekly.rules import RULES, How
from shared.weekly.sections import company, messages, runs
from shared.weekly.week import Week
from tests.unit.weekly.made import BAD, DUE, WEEK, Rows, report

INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
COUNTS = st.one_of(st.none(), st.integers(0, 10**6))


@given(INSTANTS)
def test_the_week_is_over_and_the_next_is_not(at: datetime) -> None:
    week = Week.over_at(at)
    assert week.until <= at < week.until + timedelta(days=7)
    assert week.monday.weekday() == 0 and week.sunday - week.monday == timedelta(days=6)
    assert Week.parse(week.name) == week
    assert week.before().until == week.since


def test_names_of_weeks_are_those_of_iso_8601() -> None:
    assert Week(date(2026, 11, 23)).name == "2026-W48"
    assert Week.parse("2026-W53").monday == date(2026, 12, 28)
    assert Week(date(2024, 12, 30)).name == "2025-W01"
    for wrong in ("2025-W53", "2026-W00", "2026-48", "2026-W4", "W48", "2026-W481"):
        with pytest.raises(Invalid, match="such as 2026-W48"):
            Week.parse(wrong)


@given(st.lists(COUNTS, min_size=5, max_size=5))
def test_a_mean_is_of_the_weeks_that_are_known(row: list[int | None]) -> None:
    one = comparing.figure("runs.failed", row)
    known = [value for value in row[:4] if value is not None]
    assert (one.mean_of, one.last_week, one.value) == (len(known), row[3], row[4])
    assert (one.mean is None) == (not known)
    if known and one.mean is not None:
        assert min(known) - 0.01 <= one.mean <= max(known) + 0.01
    for base, change in (
        (one.last_week, one.change_percent),
        (one.mean, one.against_mean_percent),
    ):
        assert (change is None) == (not base or one.value is None)
        if change is not None and base is not None and one.value is not None:
            assert (change > 0) == (one.value > base) or abs(change) <= 0.05


@given(st.lists(st.floats(0, 5000), min_size=1), st.lists(st.floats(0, 5000), max_size=30))
def test_lateness_is_that_of_the_runs_between_two_reports(
    lasted: list[float], before: list[float]
) -> None:
    """And nobody who began later than the last bound is told to be later."""

    def counted(values: list[float]) -> Histogram:
        found = Histogram.of(LATE)
        for value in values:
            found = found.with_value(LATE, value)
        return found

    counts = late.between(counted(before).counts, counted(before + lasted).counts)
    assert counts is not None
    found = late.values(counts)
    assert found["lateness.counted"] == len(lasted)
    order = sorted(lasted)
    for share, name in ((0.5, "p50"), (0.95, "p95"), (1.0, "max")):
        value = found[f"lateness.{name}"]
        exact = order[max(0, -(-int(share * 100) * len(order) // 100) - 1)]
        at = bisect_left(LATE, exact)
        floor = LATE[at - 1] if 0 < at < len(LATE) else (LATE[-1] if at else 0)
        assert value is not None and floor - 0.01 <= value <= LATE[min(at, len(LATE) - 1)] + 0.01


def test_lateness_is_unknown_before_the_second_report_and_of_what_is_made_later() -> None:
    now = Lateness(at=DUE, counts=(5, 1))
    assert late.between(None, now.counts) is None and late.between((1,), now.counts) is None
    before = Lateness(at=DUE - timedelta(days=7), counts=(2, 1))
    for known, latest, weeks in ((None, True, 0), (before, False, 0), (before, True, 1)):
        _, said = making.lateness(WEEK, known, now, latest=latest)
        assert len(said.weeks) == weeks and said.note


def test_runs_are_added_up_by_how_they_ended() -> None:
    day = Counts()
    for status, many in ((Status.SUCCEEDED, 90), (Status.FAILED, 10), (Status.MISSED, 7)):
        day.add(status, Sums(many, many, many, 1.0))
    day.add(Status.FAILED, Sums(4, 4, 4, 1.0), backfilled=True)
    found = runs.values([day, Counts(), day])
    assert (found["runs.ended"], found["runs.failed"], found["runs.missed"]) == (200, 20, 14)
    assert (found["runs.failure_percent"], found["runs.backfilled"]) == (10.0, 8)
    assert runs.values([])["runs.failure_percent"] is None


def test_weeks_before_the_first_run_are_unknown_and_not_zero() -> None:
    weeks = comparing.weeks_of(WEEK)
    values = {week: {"runs.ended": at * (at > 1)} for at, week in enumerate(weeks)}
    assert list(runs.since_first(values, "runs.ended")) == weeks[2:]
    nothing = {week: {"runs.ended": 0} for week in weeks}
    assert list(runs.since_first(nothing, "runs.ended")) == [WEEK]


def test_money_of_different_currencies_is_never_added_up() -> None:
    fees = [("paid", "USD", 2, 900), ("failed", "USD", 3, 100), ("waived", "USD", 1, 5)]
    found = company.values([("USD", 5), ("eur ", 7), ("?", 1)], [("USD", 20)], fees)
    assert found == {
        "company.cost.USD": 5,
        "company.margin.USD": 15,
        "company.cost.EUR": 7,
        "company.margin.EUR": -7,
        "company.cost.XXX": 1,
        "company.margin.XXX": -1,
        "company.revenue.USD": 20,
        "company.fees_failed": 3,
        "company.fees.USD": 900,
    }
    assert figures.shown("company.cost.JPY", 1234) == "1,234 JPY"

    def paid(currency: str, micros: int | None) -> Paid:
        return Paid(
            task="",
            tenant_id=None,
            channel="sms",
            at=DUE,
            segments=2,
            currency=currency,
            micros=micros,
            estimated=False,
        )

    sent = [paid("USD", 74_000), paid("USD", 70_000), paid("JPY", 3_000_000), paid("USD", None)]
    assert messages.values(sent) == {
        "messages.asked": 4,
        "messages.segments": 8,
        "messages.unpriced": 1,
        "messages.cost.USD": 14,
        "messages.cost.JPY": 3,
    }


def test_what_cannot_be_counted_any_more_is_as_its_own_report_said() -> None:
    last = report({"backups.taken": [None, None, None, None, 14], "runs.failed": [1, 2, 3, 4, 5]})
    said = Said(weeks={WEEK: {"backups.taken": 3}})
    found = making.part("backups", said, WEEK, {WEEK.before(): last})
    assert [(one.name, one.weeks) for one in found.figures] == [
        ("backups.taken", (None, None, None, 14, 3))
    ]
    counted = Said(weeks={WEEK: {"backups.taken": 3}, WEEK.before(): {"backups.taken": 13}})
    (one,) = making.part("backups", counted, WEEK, {WEEK.before(): last}).figures
    assert one.last_week == 13


def test_each_rule_speaks_of_a_figure_and_the_docs_have_it() -> None:
    """Its name, its figure and its threshold are a row of the table."""
    page = Path("docs/weekly-report.md").read_text()
    found = re.findall(r"^\| `(\w+)` \| `([\w.]+)` \| (.+?) \| (.*?) \|$", page, re.MULTILINE)
    kinds = {(True, False): "alert", (False, True): "good news", (False, False): "note"}
    assert found == [
        (one.name, one.figure, one.threshold, kinds[one.alert, one.good]) for one in RULES
    ]
    assert all(one.figure in figures.FIGURES for one in RULES)
    assert all(one.recommendation or one.good for one in RULES)


def test_a_bad_week_is_found_with_its_figures() -> None:
    found = report(BAD).findings
    assert {one.rule for one in found if one.alert} == {
        *("failures_doubled", "misses_doubled", "lateness_tripled", "costs_grew", "revenue_fell"),
        *("backups_missing", "workflow_failures_doubled"),
    }
    assert {one.rule for one in found if not one.alert} == {
        *("failure_rate", "loss", "fees_failed", "backups_unproved", "approvals_expired"),
        "workflow_failure_rate",
    }
    assert [one.alert for one in found] == sorted((one.alert for one in found), reverse=True)
    costs = next(one for one in found if one.rule == "costs_grew")
    assert (costs.figure, costs.value, costs.compared_with) == ("company.cost.EUR", 71_240, 40_175)
    assert costs.text == (
        "Costs (EUR): 712.40 EUR, where the 4 weeks before had 401.75 EUR on average (+77 %)"
    )
    assert "GET /api/v1/reports/cost" in (costs.recommendation or "")


@given(st.integers(0, 200), st.integers(0, 400), st.sampled_from(RULES), st.integers(0, 4))
def test_a_rule_that_compares_needs_two_weeks_and_its_threshold(
    before: int, value: int, rule: rules.Rule, known: int
) -> None:
    name = rule.figure
    if figures.FIGURES[name].unit is figures.Unit.MONEY:
        name += ".JPY"
    row = [*[None] * (4 - known), *[before] * known, value]
    applies = rule.applies(comparing.figure(name, row))
    if rule.test is How.ABOVE:
        assert applies == (value > rule.bound)
    elif rule.test is How.BELOW:
        assert applies == (value < rule.bound)
    elif known < 2 or value == before:
        assert not applies
    elif rule.test is How.GREW:
        assert applies == (value >= rule.bound * before and value - before >= rule.least)
    else:
        assert applies == (value <= rule.bound * before and before >= rule.least)


def test_a_rate_of_a_few_says_nothing() -> None:
    few: Rows = {"runs.ended": [0, 0, 0, 0, 99], "runs.failure_percent": [0.0, 0.0, 0.0, 0.0, 50.0]}
    many: Rows = {**few, "runs.ended": [0, 0, 0, 0, 100]}
    assert [len(report(one).findings) for one in (few, many)] == [0, 1]


def test_the_alert_names_each_figure_once_a_week() -> None:
    text = making.trend(report(BAD), most=2)
    assert text is not None and text.startswith("In 2026-W48: Failed runs: 112, where the 4 weeks")
    assert text.endswith("; and 5 more.")
    assert making.trend(report({"runs.failed": [1, 1, 1, 1, 1]})) is None
