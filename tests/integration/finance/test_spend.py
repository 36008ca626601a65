"""The spend guard: alerts and pauses once, whatever happens between its steps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest

from functions.company.spend_guard import spend_guard
from shared.alerts.port import AlertKind
from shared.app import App
from shared.billing.switch import Spend
from shared.clock import ManualClock
from shared.errors import Misconfigured, Refused, Unavailable
from shared.settings import Secret
from shared.tasks import Result
from tests.context import result_of
from tests.integration.finance.setup import (
    NOW,
    TODAY,
    Alerts,
    Billing,
    Kept,
    Killed,
    ago,
    job,
)

DUE = NOW.replace(second=0)
EXCEEDED, PAUSED = AlertKind.SPEND_EXCEEDED, AlertKind.BILLING_PAUSED
STUCK = AlertKind.BILLING_STUCK
ONCE = [("open", EXCEEDED), ("open", PAUSED)]
"""What people are told on a day that costs too much."""


class World:
    """The guard with its services; each run is a process of its own."""

    def __init__(self, app: App, kept: Kept) -> None:
        self.app, self.kept = app, kept
        self.clock = ManualClock(NOW)
        self.alerts, self.billing = Alerts(), Billing(kept, self.clock)

    def run(self, due_at: datetime = DUE, *, dry_run: bool = False) -> Result:
        return result_of(
            spend_guard,
            job(due_at, dry_run=dry_run),
            finance=self.app.finance(),
            alerts=self.alerts,
            billing=self.billing,
        )


@pytest.fixture
def world(app: App, kept: Kept) -> World:
    return World(app, kept)


def spend(day: date, minor: int) -> Spend:
    """Why billing is paused."""
    return Spend(day=day, spent_minor=minor, limit_minor=5000, currency="USD")


def next_day(days: int = 1) -> datetime:
    return DUE + timedelta(days=days)


def test_within_the_limit_nobody_hears_of_it(world: World) -> None:
    world.kept.cost(TODAY, 5000)
    world.kept.cost(ago(1), 4000)
    world.kept.cost(ago(1), 1000, category="storage", of=1)
    world.kept.cost(ago(2), 900_000)
    world.kept.cost(ago(-1), 900_000)
    assert world.run() == {
        "day": "2026-11-29",
        "currency": "USD",
        "limit_minor": 5000,
        "spent_minor": 5000,
        "spent_day_before_minor": 5000,
        "exceeded": False,
        "exceeded_on": None,
        "not_counted_minor": {},
        "billing": "running",
    }
    assert world.alerts.told == [] and world.billing.calls == []


def test_above_it_people_are_alerted_and_billing_is_paused_once(world: World) -> None:
    world.kept.cost(TODAY, 3000)
    world.kept.cost(TODAY, 3123, category="storage")
    found = world.run()
    assert (found["exceeded"], found["exceeded_on"]) == (True, "2026-11-29")
    assert (found["billing"], found["tenants_paused"]) == ("paused", 1)
    assert world.alerts.kinds == ONCE
    assert "61.23 USD spent so far" in world.alerts.told[0][2]
    world.kept.cost(TODAY, 500)
    assert world.run()["billing"] == "already"
    assert world.run(DUE + timedelta(hours=3))["billing"] == "already"
    assert world.alerts.kinds == ONCE
    assert world.billing.calls[0] == spend(TODAY, 6123)


def test_what_was_spent_after_yesterdays_look_is_seen_today(world: World) -> None:
    world.kept.cost(TODAY, 5000)
    assert world.run()["exceeded"] is False
    world.kept.cost(TODAY, 1)
    found = world.run(next_day())
    assert found["exceeded_on"] == "2026-11-29" and found["spent_minor"] == 0
    assert world.billing.calls == [spend(TODAY, 5001)]
    assert world.alerts.kinds == ONCE
    world.run(next_day())
    assert world.alerts.kinds == ONCE


def test_the_alert_ends_with_a_whole_day_below_and_billing_stays_paused(world: World) -> None:
    world.kept.cost(TODAY, 6000)
    world.run()
    assert world.run(next_day())["billing"] == "already"
    assert world.alerts.kinds == ONCE
    found = world.run(next_day(2))
    assert found["exceeded"] is False and found["billing"] == "paused"
    assert world.alerts.kinds == [*ONCE, ("close", EXCEEDED)]
    assert "Billing stays paused until a person resumes it." in world.alerts.told[-1][2]


def test_a_persons_word_holds_for_that_day_and_for_no_other(world: World) -> None:
    world.kept.cost(TODAY, 6000)
    world.run()
    world.billing.switch.resume("ana", TODAY)
    assert world.run()["billing"] == "resumed"
    assert world.alerts.kinds == [*ONCE, ("close", PAUSED)]
    assert world.run()["billing"] == "resumed"
    assert world.run(next_day())["billing"] == "resumed"
    assert world.alerts.kinds == [*ONCE, ("close", PAUSED)]
    world.kept.cost(ago(-1), 7000)
    assert world.run(next_day())["billing"] == "paused"
    assert world.alerts.kinds[-1] == ("open", PAUSED)
    assert world.billing.calls[-1] == spend(ago(-1), 7000)


def test_what_could_not_be_paused_is_told_louder_and_tried_again(world: World) -> None:
    world.kept.cost(TODAY, 6000)
    world.billing.stuck = [f"tenant {n}: no answer" for n in range(1, 9)]
    for _ in range(2):
        with pytest.raises(Unavailable, match="not paused for all: tenant 1: no answer") as failed:
            world.run()
        assert not failed.value.permanent
    assert world.alerts.kinds == [("open", EXCEEDED), ("open", STUCK), ("open", PAUSED)]
    text = world.alerts.told[1][2]
    assert "own switch is set" in text and "tenant 5" in text and "and 3 more" in text
    world.billing.stuck = ()
    assert world.run()["billing"] == "paused"
    told = [("open", EXCEEDED), ("open", STUCK), ("open", PAUSED), ("close", STUCK)]
    assert world.alerts.kinds == told


def test_a_pause_that_is_not_done_is_gone_on_with_on_days_below_the_limit(world: World) -> None:
    world.kept.cost(TODAY, 6000)
    world.billing.stuck = ["tenant 1: no answer"]
    for due_at in (DUE, next_day(), next_day(2), next_day(3)):
        with pytest.raises(Unavailable):
            world.run(due_at)
    assert len(world.billing.calls) == 2
    assert (STUCK, "billing") in world.alerts.opened
    assert (EXCEEDED, "daily spend") not in world.alerts.opened
    world.billing.stuck = ()
    world.run(next_day(4))
    assert world.alerts.opened == {(PAUSED, "billing"): 0}


def test_billing_that_cannot_be_asked_is_told_too(world: World) -> None:
    world.kept.cost(TODAY, 6000)

    def fail() -> None:
        raise Misconfigured("STRIPE_API_KEY is wrong")

    world.billing.before = fail
    with pytest.raises(Misconfigured, match="STRIPE_API_KEY"):
        world.run()
    assert world.alerts.kinds == [("open", EXCEEDED), ("open", STUCK)]
    assert "OVERAGE MAY GO ON" in world.alerts.told[-1][2]


def test_billing_is_paused_though_nobody_can_be_alerted(world: World) -> None:
    world.kept.cost(TODAY, 6000)

    def fail() -> None:
        raise Unavailable("table storage", "no answer")

    world.alerts.before = fail
    with pytest.raises(Unavailable, match="table storage"):
        world.run()
    assert len(world.billing.calls) == 1
    world.alerts.before = lambda: None
    assert world.run()["billing"] == "already"
    assert world.alerts.kinds == ONCE


def test_of_two_failures_the_one_that_may_pass_decides(world: World) -> None:
    world.kept.cost(TODAY, 6000)
    world.billing.stuck = ["tenant 1: no answer"]

    def fail() -> None:
        raise Refused("table storage", "no permission")

    world.alerts.before = fail
    with pytest.raises(Unavailable, match="not paused for all"):
        world.run()


def killing(number: int) -> Callable[[], None]:
    """Dies at the call of that number, from 0 on."""
    calls = iter(range(1000))

    def step() -> None:
        if next(calls) == number:
            raise Killed

    return step


@pytest.mark.parametrize("step", range(9))
def test_killed_between_any_two_steps_and_run_again_the_end_is_the_same(
    world: World, step: int
) -> None:
    world.kept.cost(TODAY, 6000)
    dies = killing(step)
    world.alerts.before = world.alerts.after = dies
    world.billing.before = world.billing.after = dies
    try:
        world.run()
        died = False
    except Killed:
        died = True
    assert died is (step < 8)
    world.alerts.before = world.alerts.after = lambda: None
    world.billing.before = world.billing.after = lambda: None
    world.run()
    world.run()
    assert world.alerts.kinds == ONCE
    assert world.alerts.opened == {(EXCEEDED, "daily spend"): 0, (PAUSED, "billing"): 0}


def test_costs_in_other_currencies_are_told(world: World) -> None:
    world.kept.cost(TODAY, 900_000, currency="EUR")
    world.kept.cost(ago(1), 5, currency="usd")
    made = job()
    found = result_of(
        spend_guard,
        made,
        finance=world.app.finance(),
        alerts=world.alerts,
        billing=world.billing,
    )
    assert found["not_counted_minor"] == {"EUR": 900_000}
    assert found["spent_day_before_minor"] == 5
    assert "not counted against the limit" in made.log.text()


@pytest.mark.parametrize("spent", [100, 6000])
@pytest.mark.parametrize("paused", [False, True])
def test_a_dry_run_says_what_it_would_do_and_changes_nothing(
    world: World, spent: int, paused: bool
) -> None:
    world.kept.cost(TODAY, spent)
    if paused:
        world.billing.switch.pause(spend(ago(3), 9000))
        world.billing.told_stripe = True
    before = world.kept.everything()
    found = world.run(dry_run=True)
    assert found["would_alert"] is (spent > 5000)
    assert found["would_pause"] is (spent > 5000 and not paused)
    assert world.alerts.told == []
    assert world.kept.everything() == before


def test_a_database_that_is_away_is_told_and_tried_again(app: App, url: Secret) -> None:
    """Then the job is tried again; nothing is paused by a guess."""
    del url
    from dataclasses import replace

    from shared.finance.service import Finance

    gone = Secret("postgresql://nobody@127.0.0.1:1/company")
    finance = Finance(replace(app.settings, database_url=gone), app.connection, app.alerts)
    alerts = Alerts()
    with pytest.raises(Unavailable, match="DATABASE_URL"):
        result_of(
            spend_guard,
            job(),
            finance=finance,
            alerts=alerts,
            billing=Billing(Kept(gone), ManualClock(NOW)),
        )
    assert alerts.told == []
