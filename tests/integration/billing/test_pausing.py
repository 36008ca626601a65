"""Pausing and resuming: Belfry's own switch first, then Stripe, tenant by tenant."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from shared.billing.port import Pause, Paused, Settled
from shared.data.database import writing
from shared.data.models import BillingState, TenantBilling
from shared.errors import Cancelled, Conflict, Invalid
from tests.context import job_of
from tests.integration.billing.conftest import NOW, Company
from tests.vendors.stripe import Fault

DAY = NOW.date()
NEXT = DAY + timedelta(days=1)


def pause(company: Company, day: date = DAY) -> Paused:
    return company.another().pause(company.job, day, 6000, 5000)


def test_it_pauses_the_switch_and_every_subscription(company: Company) -> None:
    tenants = company.subscribe("sub_a", None, "sub_b")
    assert pause(company) == Paused(outcome=Pause.PAUSED, tenants_paused=3, paused_for=DAY)
    assert company.another().is_paused()
    assert company.paused_at_stripe() == ["sub_a", "sub_b"]
    assert company.stripe.subscriptions["sub_a"]["pause_collection"]["behavior"] == "void"
    assert company.states() == dict.fromkeys(tenants, "paused")
    switch = company.billing.overview().switch
    assert (switch.spent_minor, switch.limit_minor, switch.currency) == (6000, 5000, "USD")


def test_to_pause_again_asks_stripe_nothing(company: Company) -> None:
    company.subscribe("sub_a")
    pause(company)
    asked = len(company.stripe.asked)
    assert pause(company) == Paused(outcome=Pause.ALREADY, paused_for=DAY)
    assert pause(company, NEXT) == Paused(outcome=Pause.ALREADY, paused_for=DAY)
    assert len(company.stripe.asked) == asked


def test_the_switch_is_set_before_stripe_is_asked(company: Company) -> None:
    company.subscribe("sub_a")
    seen: list[bool] = []
    look = Fault("sub_a", action=lambda: seen.append(company.another().is_paused()))
    company.stripe.faults.append(look)
    assert pause(company).outcome is Pause.PARTLY
    assert seen == [True]


def test_what_stripe_fails_at_is_told_and_done_by_the_next(company: Company) -> None:
    _, failing, _ = company.subscribe("sub_a", "sub_b", "sub_c")
    company.stripe.faults.append(Fault("sub_b", status=500))
    did = pause(company)
    assert (did.outcome, did.tenants_paused) == (Pause.PARTLY, 2)
    assert len(did.errors) == 1
    assert did.errors[0].startswith(f"tenant {failing}: Stripe: as a test wants it (req_")
    assert company.paused_at_stripe() == ["sub_a", "sub_c"]
    (left,) = company.billing.overview().tenants
    assert (left.tenant_id, left.state) == (failing, BillingState.PAUSING)
    assert str(left.error).startswith("Stripe: ")
    assert pause(company) == Paused(outcome=Pause.PAUSED, tenants_paused=1, paused_for=DAY)
    assert company.paused_at_stripe() == ["sub_a", "sub_b", "sub_c"]
    assert company.billing.overview().tenants == []


def test_a_refusal_is_told_each_time_and_stops_no_other(company: Company) -> None:
    company.subscribe("sub_a", "sub_b")
    del company.stripe.subscriptions["sub_a"]
    for _ in range(2):
        did = pause(company)
        assert did.outcome is Pause.PARTLY and "No such subscription" in did.errors[0]
    assert company.paused_at_stripe() == ["sub_b"]


def test_a_subscription_that_was_cancelled_needs_no_pause(company: Company) -> None:
    company.subscribe("sub_a")
    company.stripe.subscriptions["sub_a"]["status"] = "canceled"
    assert pause(company).outcome is Pause.PAUSED


def test_while_stripe_is_away_not_every_tenant_is_tried(company: Company) -> None:
    company.subscribe(*(f"sub_{n}" for n in range(10)))
    company.stripe.faults.append(Fault(status=503, times=1000))
    did = pause(company)
    assert (did.outcome, len(did.errors)) == (Pause.PARTLY, 3)
    assert company.billing.overview().tenants_left == 10
    company.stripe.faults.clear()
    assert pause(company).tenants_paused == 10


def test_many_errors_are_told_short(company: Company) -> None:
    company.subscribe(*(f"sub_{n}" for n in range(25)))
    company.stripe.subscriptions.clear()
    did = pause(company)
    assert len(did.errors) == 21 and did.errors[-1] == "and 5 more"


def test_a_person_resumes_and_that_holds_for_the_day(company: Company) -> None:
    company.subscribe("sub_a")
    pause(company)
    switch, did, mine = company.billing.resume("ana@example.com")
    assert (switch.resumed_by, switch.resumed_for) == ("ana@example.com", DAY)
    assert mine and did == Settled(resumed=1)
    assert company.paused_at_stripe() == [] and not company.billing.is_paused()
    assert pause(company) == Paused(outcome=Pause.RESUMED)
    assert company.paused_at_stripe() == []
    assert pause(company, NEXT).outcome is Pause.PAUSED


def test_to_resume_twice_is_to_resume_once(company: Company) -> None:
    pause(company)
    first, _, mine = company.billing.resume("ana")
    company.clock.advance(timedelta(minutes=1))
    again, _, by_ben = company.billing.resume("ben")
    assert (again, mine, by_ben) == (first, True, False)


def test_a_resume_that_would_hold_for_long_is_refused(company: Company) -> None:
    pause(company)
    with pytest.raises(Invalid, match="day: give a day from today to 2026-12-06"):
        company.billing.resume("ana", DAY + timedelta(days=8))
    switch, _, _ = company.billing.resume("ana", DAY + timedelta(days=7))
    assert switch.resumed_for == DAY + timedelta(days=7)
    assert pause(company, NEXT).outcome is Pause.RESUMED


def test_a_resume_holds_for_the_day_that_was_paused_too(company: Company) -> None:
    """Also if a run of the guard for it comes after midnight, or it lies ahead by another zone."""
    pause(company, NEXT)
    assert company.billing.resume("ana")[0].resumed_for == NEXT
    assert pause(company, DAY).outcome is Pause.RESUMED


def test_what_is_not_paused_is_not_resumed(company: Company) -> None:
    with pytest.raises(Conflict, match="billing is not paused, so there is nothing to resume"):
        company.billing.resume("ana")


def test_a_resume_that_stripe_fails_at_is_done_by_the_next_run(company: Company) -> None:
    company.subscribe("sub_a", "sub_b")
    pause(company)
    company.stripe.faults.append(Fault("sub_a", status=500))
    _, did, _ = company.billing.resume("ana")
    assert (did.resumed, did.left) == (1, 1) and "tenant" in did.errors[0]
    assert company.paused_at_stripe() == ["sub_a"] and not company.another().is_paused()
    assert company.another().settle(company.job) == Settled(resumed=1)
    assert company.paused_at_stripe() == []


def test_a_person_who_waits_is_answered_in_time_and_the_rest_follows(company: Company) -> None:
    company.subscribe("sub_a", "sub_b", "sub_c")
    pause(company)
    slow = Fault("sub_a", status=200, action=lambda: slowly(company))
    company.stripe.faults.append(slow)
    _, did, _ = company.billing.resume("ana", longest=timedelta(seconds=20))
    assert (did.resumed, did.left) == (1, 2)
    assert company.billing.settle(company.job) == Settled(resumed=2)


def slowly(company: Company) -> None:
    company.clock.advance(timedelta(seconds=25))


def test_a_dry_run_says_what_it_would_pause_and_changes_nothing(company: Company) -> None:
    tenants = company.subscribe("sub_a", "sub_b")
    job = job_of(clock=company.clock, dry_run=True)
    did = company.billing.pause(job, DAY, 6000, 5000)
    assert did.tenants_paused == 2 and did.paused_for == DAY
    assert not company.another().is_paused() and company.stripe.asked == []
    assert company.states() == dict.fromkeys(tenants, "active")
    pause(company)
    assert company.billing.pause(job, DAY, 6000, 5000).outcome is Pause.ALREADY
    assert company.billing.settle(job) == Settled()


def test_without_stripe_the_ledger_alone_says_it(company: Company) -> None:
    tenants = company.subscribe("sub_a")
    assert company.alone().pause(company.job, DAY, 6000, 5000).outcome is Pause.PAUSED
    assert company.states() == dict.fromkeys(tenants, "paused")
    assert company.stripe.asked == []


def test_a_job_that_is_told_to_stop_leaves_the_switch_set(company: Company) -> None:
    company.subscribe("sub_a", "sub_b")
    company.job.stop.set()
    with pytest.raises(Cancelled):
        pause(company)
    assert company.another().is_paused()
    company.job.stop.clear()
    assert pause(company).outcome is Pause.PAUSED


def test_the_answer_of_whether_it_is_paused_is_some_seconds_old_at_most(company: Company) -> None:
    asked = company.billing
    assert not asked.is_paused()
    pause(company)
    assert not asked.is_paused()
    company.clock.advance(timedelta(seconds=5))
    assert asked.is_paused()
    asked.resume("ana")  # one's own change is seen at once
    assert not asked.is_paused()


def test_a_resume_while_stripe_is_asked_to_pause_wins(company: Company) -> None:
    """The one who pauses sees that the switch was turned, and turns round."""
    (tenant_id,) = company.subscribe("sub_a")
    resumed: list[Settled] = []

    def resume() -> None:
        resumed.append(company.another().resume("ana")[1])

    company.stripe.faults.append(Fault("sub_a", status=200, action=resume))
    assert pause(company).outcome is Pause.RESUMED
    assert resumed == [Settled(left=1)]  # the tenant was claimed
    assert company.paused_at_stripe() == [] and company.states()[tenant_id] == "active"


def test_of_several_at_once_each_subscription_is_asked_for_once(company: Company) -> None:
    company.subscribe(*(f"sub_{n}" for n in range(6)))
    ready = threading.Barrier(3)

    def act(_: int) -> Paused:
        mine = company.another()
        ready.wait()
        return mine.pause(job_of(clock=company.clock), DAY, 6000, 5000)

    with ThreadPoolExecutor(3) as pool:
        did = list(pool.map(act, range(3)))
    assert sum(one.tenants_paused for one in did) == 6
    assert len(company.stripe.made("subscriptions")) == 6
    assert len(company.paused_at_stripe()) == 6


@pytest.mark.parametrize("turn", range(3))
def test_of_a_pause_and_a_resume_at_once_stripe_follows_the_switch(
    company: Company, turn: int
) -> None:
    company.subscribe(*(f"sub_{n}" for n in range(5)))
    pause(company)
    ready = threading.Barrier(2)

    def resume() -> None:
        ready.wait()
        company.another().resume("ana")

    def pause_next() -> None:
        ready.wait()
        pause(company, NEXT)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(resume), pool.submit(pause_next)]:
            done.result()
    company.another().settle(company.job)
    paused = company.another().is_paused()
    assert len(company.paused_at_stripe()) == (5 if paused else 0)
    assert set(company.states().values()) == {"paused" if paused else "active"}


def test_who_was_overtaken_has_stripe_asked_once_more(company: Company) -> None:
    """A process that slept through its claim pauses what was resumed meanwhile."""
    (tenant_id,) = company.subscribe("sub_a")

    def sleep() -> None:
        company.clock.advance(timedelta(minutes=4))
        company.another().resume("ana")

    company.stripe.faults.append(Fault("sub_a", status=200, action=sleep))
    assert pause(company).outcome is Pause.RESUMED
    assert company.paused_at_stripe() == [] and company.states()[tenant_id] == "active"


def test_a_claim_of_a_process_that_is_gone_ends(company: Company) -> None:
    (tenant_id,) = company.subscribe("sub_a")
    with writing(company.url) as session:
        row = session.get_one(TenantBilling, tenant_id)
        row.state, row.claimed_until = BillingState.PAUSING, NOW + timedelta(minutes=3)
    assert pause(company).outcome is Pause.PARTLY
    company.clock.advance(timedelta(minutes=3))
    assert pause(company).outcome is Pause.PAUSED


def test_a_key_that_may_not_pause_is_told_with_the_switch_set(company: Company) -> None:
    """A restricted key of Stripe's. People must not be told that the switch may not be set."""
    company.subscribe("sub_a", "sub_b")
    company.stripe.faults.append(Fault("subscriptions", status=403))
    found = company.billing.pause(company.job, DAY, 6000, 5000)
    assert (found.outcome, found.paused_for) == (Pause.PARTLY, DAY)
    assert "STRIPE_API_KEY is refused" in found.errors[0]
    again = company.another().pause(company.job, DAY, 6000, 5000)
    assert (again.outcome, again.tenants_paused) == (Pause.PAUSED, 2)
    assert company.paused_at_stripe() == ["sub_a", "sub_b"]
