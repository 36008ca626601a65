"""What was spent of a budget, and whether a job may start."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.spending.counting import (
    Counter,
    Ended,
    May,
    Reserved,
    crossed,
    expected,
    may_start,
    reservation,
    used_up,
)
from shared.spending.model import Budget, Of, Period, Scope, shown
from shared.spending.rows import of_counter, to_counter

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
BUDGET = Budget(
    scope=Scope(Of.PROJECT, "5"),
    micros=Decimal(1000),
    currency="USD",
    period=Period.DAY,
    set_at=NOW,
    set_by="Ana",
)
ZONES = ("UTC", "Europe/Berlin", "America/Sao_Paulo", "America/Asuncion", "Africa/Cairo")
INSTANTS = st.datetimes(datetime(2015, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
COSTS = st.integers(0, 2000).map(Decimal)


@given(at=INSTANTS, zone=st.sampled_from(ZONES), period=st.sampled_from(Period))
def test_each_instant_is_in_one_day_and_one_month(at: datetime, zone: str, period: Period) -> None:
    """Also where clocks go over midnight: Sao Paulo until 2019, Asuncion, Cairo."""
    budget = replace(BUDGET, period=period, timezone=zone)
    span = budget.span(at)
    assert span.begin <= at < span.end
    assert budget.span(span.begin) == span and budget.span(span.end).begin == span.end
    assert budget.span(span.end - timedelta(microseconds=1)) == span


@given(costs=st.lists(COSTS, max_size=30))
def test_what_runs_at_once_overshoots_by_what_it_costs_beyond_its_reservations(
    costs: list[Decimal],
) -> None:
    """64 jobs that ask at the same instant do not all start."""
    counter = Counter().turned(BUDGET, BUDGET.span(NOW))
    running: list[tuple[Reserved, Decimal]] = []
    for number, cost in enumerate(costs):
        counter_now = replace(counter, learned={"s": Decimal(100)})
        if may_start(BUDGET, counter_now, [one for one, _ in running], NOW) is May.START:
            held = reservation(counter_now, "s", 600, Decimal(1), NOW)
            running.append((held, cost))
        assert number >= 10 or len(running) == number + 1
    assert len(running) <= 10
    ended = [Ended(f"s-{n}", "s", cost, NOW) for n, (_, cost) in enumerate(running)]
    after = counter.plus(BUDGET, ended)
    beyond = sum((max(cost - one.micros, Decimal()) for one, cost in running), Decimal())
    assert after.micros <= BUDGET.micros + Decimal(100) + beyond
    assert (after.over_since is not None) == (after.micros >= BUDGET.micros)


@given(costs=st.lists(COSTS, max_size=20), parts=st.integers(1, 5))
def test_what_is_counted_does_not_depend_on_how_it_comes_in(
    costs: list[Decimal], parts: int
) -> None:
    jobs = [
        Ended(f"s{n % 3}-{n}", f"s{n % 3}", one, NOW + timedelta(seconds=n))
        for n, one in enumerate(costs)
    ]
    fresh = Counter().turned(BUDGET, BUDGET.span(NOW))
    one_by_one = fresh
    for start in range(0, len(jobs), parts):
        one_by_one = one_by_one.plus(BUDGET, jobs[start : start + parts])
    assert one_by_one == fresh.plus(BUDGET, jobs)
    assert to_counter(of_counter(one_by_one)) == one_by_one
    assert one_by_one.micros == sum(costs) and one_by_one.jobs == len(costs)


def test_a_job_counts_in_the_day_in_which_it_ended() -> None:
    counter = Counter().turned(BUDGET, BUDGET.span(NOW))
    yesterday = Ended("s-1", "s", Decimal(5), NOW - timedelta(days=1))
    after = counter.plus(BUDGET, [yesterday])
    assert after.micros == after.jobs == 0 and after.learned == {"s": Decimal(5)}


def test_the_next_day_begins_with_nothing_and_knows_what_runs_cost() -> None:
    counter = Counter().turned(BUDGET, BUDGET.span(NOW))
    spent = counter.plus(BUDGET, [Ended("s-1", "s", Decimal(1200), NOW)])
    assert may_start(BUDGET, spent, (), NOW) is May.NOT
    tomorrow = spent.turned(BUDGET, BUDGET.span(NOW + timedelta(days=1)))
    assert tomorrow.micros == 0 and tomorrow.over_since is None
    assert tomorrow.learned == spent.learned
    assert tomorrow.turned(BUDGET, BUDGET.span(NOW)) is tomorrow, "a clock that is behind"
    monthly = replace(BUDGET, period=Period.MONTH)
    assert tomorrow.turned(monthly, monthly.span(NOW)).name == "2026-11"


@pytest.mark.parametrize(
    ("spent", "reserved", "may"),
    [
        (0, 0, May.START),
        (999, 0, May.START),
        (999, 1, May.WAIT),
        (1000, 0, May.NOT),
        (1001, 500, May.NOT),
    ],
)
def test_a_job_starts_while_something_is_left(spent: int, reserved: int, may: May) -> None:
    counter = Counter(micros=Decimal(spent))
    others = [Reserved(Decimal(reserved), NOW + timedelta(seconds=1))]
    assert may_start(BUDGET, counter, others, NOW) is may
    if may is May.WAIT:
        late = NOW + timedelta(seconds=1)
        assert may_start(BUDGET, counter, others, late) is May.START, "it counts no longer"


def test_a_reservation_is_what_the_dearest_of_the_last_runs_cost() -> None:
    first = reservation(Counter(), "s", 600, Decimal(52), NOW)
    assert first.micros == 52 * 60 and first.until == NOW + timedelta(minutes=20)
    assert reservation(Counter(), "s", 5, Decimal(52), NOW).micros == 52 * 5
    assert expected(None, Decimal(10)) == 10
    assert expected(Decimal(10), Decimal(50)) == 50
    assert expected(Decimal(50), Decimal(10)) == 46


def test_little_is_left_once() -> None:
    before = Counter(name="d", micros=Decimal(700))
    after = replace(before, micros=Decimal(800))
    assert crossed(before, after, BUDGET) and not crossed(after, after, BUDGET)
    assert crossed(replace(before, name="e", micros=Decimal(900)), after, BUDGET)


def test_the_reason_says_what_was_spent_until_when_and_what_to_do() -> None:
    span = BUDGET.span(NOW)
    said = used_up(BUDGET, Counter(micros=Decimal("1000.5")), span)
    assert said == (
        "the budget of project 5 is used up: 0.001 USD of 0.001 USD were spent in 2026-11-30 "
        "(UTC); it runs again from 2026-12-01T00:00:00Z on, or when the budget is raised "
        "(PUT /api/v1/budgets/projects/5)"
    )
    assert shown(Decimal(12_500_000), "USD") == "12.5 USD"
    assert shown(Decimal(10_000_000), "USD") == "10 USD"
