"""Fees are invoiced once each, by Stripe's own library, whatever Stripe answers."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from shared.billing.port import Collected, Coming
from shared.billing.service import Billing
from shared.data.database import writing
from shared.data.models import FeeStatus, Owner
from shared.errors import Cancelled, Conflict, Misconfigured, NotFound
from shared.settings import Secret, StripeSettings
from tests.context import job_of
from tests.integration.billing.conftest import NOW, Company
from tests.vendors.stripe import API_KEY, Fault, declined, rate_limit

PATHS = ["invoices$", "invoiceitems", "finalize"]
"""Of the three calls, in their order."""


def test_a_fee_becomes_one_invoice_with_one_item_that_stripe_collects(company: Company) -> None:
    (fee_id,) = company.owe(2500)
    did = company.billing.collect(company.job, 1)
    assert did == Collected(invoiced=1, amounts_minor={"EUR": 2500})
    fee = company.fee(fee_id)
    assert (fee.status, fee.stripe_invoice_id) == (FeeStatus.INVOICED, "in_000001")
    assert (fee.stripe_item_id, fee.error) == ("ii_000002", None)
    invoice = company.stripe.invoices["in_000001"]
    assert (invoice["status"], invoice["auto_advance"]) == ("open", True)
    assert (invoice["total"], invoice["currency"]) == (2500, "eur")
    assert invoice["metadata"]["belfry_fee"] == str(fee_id)
    item = company.stripe.items["ii_000002"]
    assert item["description"] == "Fee for the missed appointment of 2026-11-28 at 19:30"
    keys = [one.key for one in company.stripe.made("")]
    assert keys == [f"belfry:1:no_show:1:{step}" for step in ("invoice", "item", "finalise")]


def test_to_collect_again_does_nothing(company: Company) -> None:
    company.owe(2500)
    company.billing.collect(company.job, 1)
    before = len(company.stripe.asked)
    assert company.another().collect(company.job, 1) == Collected(amounts_minor={})
    assert len(company.stripe.asked) == before


def test_what_waits_for_the_customers_next_invoice_is_left_alone(company: Company) -> None:
    """A pending item of the company's own application is neither taken nor takes the fee along."""
    company.stripe.items["ii_own"] = {"id": "ii_own", "customer": "cus_ana", "invoice": None}
    company.owe(2500)
    company.billing.collect(company.job, 1)
    assert company.stripe.items["ii_own"]["invoice"] is None
    assert company.stripe.amounts("open") == [2500]


def test_an_owner_whom_stripe_does_not_know_waits_and_is_told(company: Company) -> None:
    company.owe(2500, 100)
    company.knows(None)
    did = company.billing.collect(company.job, 1)
    assert (did.waiting, did.without_customer, did.invoiced) == (2, 2, 0)
    assert company.stripe.asked == []
    company.knows()
    assert company.billing.collect(company.job, 1).invoiced == 2


def test_another_tenants_fees_are_not_touched(company: Company) -> None:
    (other,) = company.subscribe(None)
    company.owe(2500)
    company.owe(700, tenant_id=other)
    assert company.billing.collect(company.job, other).amounts_minor == {"EUR": 700}
    assert company.stripe.amounts("open") == [700]


def test_more_than_a_page_is_collected(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.data.pages.pages.__kwdefaults__", {"size": 2})
    company.owe(1, 2, 3, 4, 5)
    assert company.billing.collect(company.job, 1).invoiced == 5
    assert sorted(company.stripe.amounts("open")) == [1, 2, 3, 4, 5]


def test_the_invoice_is_in_the_owners_language_and_in_stripes_units(company: Company) -> None:
    with writing(company.url) as session:
        session.get_one(Owner, 1).language = "de-AT"
    company.owe(5, currency="ISK")
    company.billing.collect(company.job, 1)
    item = company.stripe.items["ii_000002"]
    assert item["description"] == "Gebühr für den versäumten Termin am 28.11.2026 um 19:30 Uhr"
    assert (item["amount"], item["currency"]) == (500, "isk")


def test_a_dry_run_says_what_it_would_invoice_and_changes_nothing(company: Company) -> None:
    (fee_id,) = company.owe(2500)
    job = job_of(clock=company.clock, dry_run=True)
    did = company.billing.collect(job, 1)
    assert (did.invoiced, did.amounts_minor, did.waiting) == (1, {"EUR": 2500}, 0)
    assert [one["fee_id"] for one in did.would] == [fee_id]
    assert company.stripe.asked == [] and company.steps() == []
    assert company.fee(fee_id).status is FeeStatus.DUE


def test_without_stripe_fees_stay_due_in_the_ledger(company: Company) -> None:
    company.owe(2500)
    assert company.alone().collect(company.job, 1) == Collected(waiting=1, amounts_minor={})
    assert company.steps() == []


def test_paused_billing_does_not_hold_fees_back(company: Company) -> None:
    company.owe(2500)
    company.billing.pause(company.job, NOW.date(), 6000, 5000)
    assert company.billing.collect(company.job, 1).invoiced == 1


def test_a_job_that_is_told_to_stop_stops_between_two_fees(company: Company) -> None:
    company.owe(1, 2)
    company.stripe.faults.append(Fault("finalize", action=company.job.stop.set))
    with pytest.raises(Cancelled):
        company.billing.collect(company.job, 1)
    assert len(company.stripe.invoices) == 1


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(status=402, code="card_declined", kind="card_error"), "card_declined, req_"),
        (Fault(status=400, kind="invalid_request_error"), "as a test wants it (req_"),
        (Fault(status=400, kind="idempotency_error"), "used before with other parameters"),
    ],
    ids=["card", "parameters", "idempotency"],
)
def test_what_stripe_refuses_fails_and_is_not_asked_again(
    company: Company, path: str, fault: Fault, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    failing, well = company.owe(2500, 100)
    company.stripe.faults.append(replace(fault, path=path))
    did = company.billing.collect(company.job, 1)
    assert (did.failed, did.invoiced, did.waiting) == (1, 1, 0)
    fee = company.fee(failing)
    assert fee.status is FeeStatus.FAILED and said in str(fee.error)
    assert company.fee(well).status is FeeStatus.INVOICED
    assert "fee_failed" in caplog.text
    before = len(company.stripe.asked)
    assert company.another().collect(company.job, 1).failed == 0
    assert len(company.stripe.asked) == before


@pytest.mark.parametrize("path", PATHS)
def test_a_failed_fee_that_a_person_makes_due_again_goes_on_by_another_key(
    company: Company, path: str
) -> None:
    (fee_id,) = company.owe(2500)
    company.stripe.faults.append(declined(path))
    company.billing.collect(company.job, 1)
    company.billing.retry(fee_id)
    assert company.billing.collect(company.job, 1).invoiced == 1
    assert company.stripe.amounts("open") == [2500] and len(company.stripe.invoices) == 1
    again = [(state, key) for _, state, key in company.steps() if key.endswith(":2")]
    assert [state for state, _ in again] == ["done"]
    assert sum(state == "failed" for _, state, _ in company.steps()) == 1


def test_a_draft_that_somebody_deleted_is_made_anew_when_a_person_says_so(company: Company) -> None:
    (fee_id,) = company.owe(2500)
    company.stripe.faults.append(Fault("finalize", action=company.stripe.invoices.clear))
    company.billing.collect(company.job, 1)
    assert company.billing.collect(company.job, 1).failed == 1
    assert "No such invoice" in str(company.fee(fee_id).error)
    company.billing.retry(fee_id)
    assert company.billing.collect(company.job, 1).invoiced == 1
    assert company.stripe.amounts("open") == [2500]


def test_only_a_fee_that_failed_or_is_due_is_tried_again(company: Company) -> None:
    (fee_id,) = company.owe(2500)
    company.billing.collect(company.job, 1)
    with pytest.raises(Conflict, match=f"fee {fee_id} is invoiced; only one that failed or is due"):
        company.billing.retry(fee_id)
    with pytest.raises(NotFound, match="there is no fee 99"):
        company.billing.retry(99)
    (unknown,) = company.owe(100)
    company.knows(None)
    with pytest.raises(Conflict, match=f"owner of fee {unknown}: set owners.stripe_customer_id"):
        company.billing.retry(unknown)


def test_fees_that_the_company_may_have_collected_itself_are_left_to_people(
    company: Company,
) -> None:
    """STRIPE_API_KEY was just set: what is due for very long was due without Stripe."""
    old, _, young = company.owe(2500, 100, days=7) + company.owe(700, days=6)
    assert company.alone().collect(company.job, 1) == Collected(
        amounts_minor={}, waiting=1, too_old=2
    )
    would = company.billing.collect(replace(company.job, dry_run=True), 1)
    assert (would.invoiced, would.waiting, would.too_old) == (1, 0, 2)
    assert [one["fee_id"] for one in would.would] == [young]
    for invoiced in (1, 0):
        did = company.billing.collect(company.job, 1)
        assert (did.invoiced, did.waiting, did.too_old) == (invoiced, 0, 2)
    assert company.billing.overview().too_old == 2
    for _ in range(2):  # asked twice, invoiced once
        company.billing.retry(old)
    assert company.billing.overview().too_old == 1
    assert company.another().collect_begun(company.job).invoiced == 1
    assert company.fee(old).status is FeeStatus.INVOICED
    assert sorted(company.stripe.amounts("open")) == [700, 2500]


def test_a_fee_that_was_begun_is_invoiced_however_long_stripe_was_away(company: Company) -> None:
    (failed,) = company.owe(2500)
    company.stripe.faults.append(declined())
    company.billing.collect(company.job, 1)
    (begun,) = company.owe(100)
    company.stripe.faults.append(Fault(status=503))
    assert company.billing.collect(company.job, 1).waiting == 1
    company.clock.advance(timedelta(days=30))
    company.billing.retry(failed)
    did = company.another().collect(company.job, 1)
    assert (did.invoiced, did.too_old) == (2, 0)
    assert company.fee(begun).status is FeeStatus.INVOICED


def test_a_dry_run_counts_what_it_would_have_recorded_before(company: Company) -> None:
    company.owe(2500)
    job = replace(company.job, dry_run=True)
    coming = Coming(amount_minor=300, currency="EUR", with_customer=2, without_customer=1)
    would = company.billing.collect(job, 1, coming=coming)
    assert (would.invoiced, would.amounts_minor, would.waiting) == (3, {"EUR": 3100}, 1)
    assert would.without_customer == 1
    alone = company.alone().collect(job, 1, coming=coming)
    assert (alone.invoiced, alone.amounts_minor, alone.waiting) == (0, {}, 4)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "fault",
    [
        rate_limit(),
        Fault(status=500),
        Fault(status=500, done=True),
        Fault(status=503),
        Fault(status=0),
        Fault(status=0, done=True),
    ],
    ids=["429", "500", "500 done", "503", "reset", "reset done"],
)
def test_what_stripe_does_not_answer_waits_and_is_done_once(
    company: Company, path: str, fault: Fault
) -> None:
    """Also when the answer of 500 is repeated for the key for a day, and the key is then gone."""
    (fee_id,) = company.owe(2500)
    company.stripe.faults.append(replace(fault, path=path))
    did = company.billing.collect(company.job, 1)
    assert (did.waiting, did.invoiced, did.failed) == (1, 0, 0)
    fee = company.fee(fee_id)
    assert fee.status is FeeStatus.DUE and str(fee.error).startswith("Stripe: ")
    company.clock.advance(timedelta(hours=25))
    assert company.another().collect(company.job, 1).invoiced == 1
    assert company.stripe.amounts("open") == [2500]
    assert (len(company.stripe.invoices), len(company.stripe.items)) == (1, 1)
    assert company.fee(fee_id).error is None


def test_what_was_done_but_answered_500_is_found_before_the_key_is_forgotten(
    company: Company,
) -> None:
    company.owe(2500)
    company.stripe.faults.append(Fault("invoices$", status=500, done=True))
    company.billing.collect(company.job, 1)
    company.clock.advance(timedelta(minutes=5))
    assert company.another().collect(company.job, 1).invoiced == 1
    assert len(company.stripe.invoices) == 1


def test_an_answer_that_comes_too_late_is_found_the_next_time(company: Company) -> None:
    company.owe(2500)
    gate = threading.Event()

    def late() -> None:
        gate.wait(10)

    company.stripe.faults.append(Fault("invoices$", done=True, action=late))
    hasty = company.another(timeouts=(5, 0.3))
    assert hasty.collect(company.job, 1).waiting == 1
    gate.set()
    assert hasty.collect(company.job, 1).invoiced == 1
    assert len(company.stripe.invoices) == 1


def test_while_stripe_is_away_not_every_fee_is_tried(company: Company) -> None:
    company.owe(*range(1, 11))
    company.stripe.faults.append(Fault(status=503, times=1000))
    assert company.billing.collect(company.job, 1).waiting == 10
    asked = len(company.stripe.asked)
    assert asked == 3
    company.billing.collect(company.job, 1)
    assert len(company.stripe.asked) == asked
    company.stripe.faults.clear()
    company.clock.advance(timedelta(minutes=1))
    assert company.billing.collect(company.job, 1).invoiced == 10
    assert sorted(company.stripe.amounts("open")) == list(range(1, 11))


def test_fees_whose_500_is_repeated_for_a_day_hold_no_other_back(company: Company) -> None:
    stuck = company.owe(1, 2, 3)
    company.stripe.faults.append(Fault("invoices$", status=500, times=3))
    assert company.billing.collect(company.job, 1).waiting == 3
    well = company.owe(4)
    company.clock.advance(timedelta(hours=1))
    assert company.billing.collect(company.job, 1).invoiced == 1
    assert company.fee(well[0]).status is FeeStatus.INVOICED
    company.clock.advance(timedelta(days=1))
    assert company.billing.collect(company.job, 1).invoiced == 3
    assert {company.fee(one).status for one in stuck} == {FeeStatus.INVOICED}


def test_the_library_repeats_a_call_once_by_the_same_key(company: Company) -> None:
    company.owe(2500)
    company.stripe.faults.append(Fault("invoiceitems", done=True))
    assert company.another(retries=1).collect(company.job, 1).invoiced == 1
    assert len(company.stripe.items) == 1


def test_parameters_stay_those_of_the_first_call(company: Company) -> None:
    """Or the key would be refused."""
    company.owe(2500)
    company.stripe.faults.append(Fault("invoices$", status=503))
    company.billing.collect(company.job, 1)
    company.stripe.customers.add("cus_new")
    company.knows("cus_new")
    assert company.billing.collect(company.job, 1).invoiced == 1
    assert {one["customer"] for one in company.stripe.invoices.values()} == {"cus_ana"}
    assert {one["customer"] for one in company.stripe.items.values()} == {"cus_ana"}


@pytest.mark.parametrize("fault", [None, Fault("finalize", done=True), Fault("invoices$")])
def test_of_several_who_collect_at_once_each_fee_is_invoiced_once(
    company: Company, fault: Fault | None
) -> None:
    company.owe(1, 2, 3, 4, 5, 6)
    company.stripe.faults += [] if fault is None else [replace(fault)]
    ready = threading.Barrier(4)

    def collect(_: int) -> Collected:
        mine = company.another()
        ready.wait()
        return mine.collect(job_of(clock=company.clock), 1)

    with ThreadPoolExecutor(4) as pool:
        did = list(pool.map(collect, range(4)))
    did.append(company.another().collect(company.job, 1))
    assert sum(one.invoiced for one in did) == 6
    assert sorted(company.stripe.amounts("open")) == [1, 2, 3, 4, 5, 6]
    assert len(company.stripe.invoices) == len(company.stripe.items) == 6


def test_a_wrong_key_ends_the_job_and_is_shown_nowhere(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (fee_id,) = company.owe(2500)
    wrong = StripeSettings(api_key=Secret("sk_test_wronghush"), url=company.stripe.url)
    with pytest.raises(Misconfigured, match="STRIPE_API_KEY is refused by Stripe: Inv") as caught:
        Billing(company.settings(wrong), company.clock).collect(company.job, 1)
    assert "wronghush" not in str(caught.value) + caplog.text + company.job.log.text()
    assert company.fee(fee_id).status is FeeStatus.DUE
    assert company.billing.collect(company.job, 1).invoiced == 1


def test_nothing_is_reported_of_this_process_and_the_key_is_in_no_log(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    company.owe(1, 2)
    company.stripe.faults.append(declined())
    company.billing.collect(company.job, 1)
    for asked in company.stripe.asked:
        assert "X-Stripe-Client-Telemetry" not in asked.headers
        assert "telemetry_id" not in asked.headers["X-Stripe-Client-User-Agent"]
        assert asked.headers["Stripe-Version"]
    assert API_KEY not in caplog.text


def test_what_was_begun_is_done_by_the_next_hour_and_nothing_else(company: Company) -> None:
    (other,) = company.subscribe(None)
    company.owe(2500)
    company.owe(700, tenant_id=other)
    company.stripe.faults.append(Fault("finalize", status=503))
    company.billing.collect(company.job, 1)
    did = company.another().collect_begun(company.job)
    assert (did.invoiced, did.amounts_minor) == (1, {"EUR": 2500})
    assert company.stripe.amounts("open") == [2500]
    assert company.another().collect_begun(company.job) == Collected(amounts_minor={})


@pytest.mark.parametrize("body", [{}, [], "<html>", 7, {"object": "list", "data": 7}], ids=str)
@pytest.mark.parametrize("path", PATHS)
def test_an_answer_that_is_not_stripes_waits_and_is_done_once(
    company: Company, path: str, body: object
) -> None:
    company.owe(2500)
    company.stripe.faults.append(Fault(path, status=200, body=body))
    assert company.billing.collect(company.job, 1).waiting == 1
    assert company.another().collect(company.job, 1).invoiced == 1
    assert company.stripe.amounts("open") == [2500]
    assert len(company.stripe.invoices) == len(company.stripe.items) == 1


@pytest.mark.parametrize("zone", ["Mars/Phobos", "", "../etc"])
def test_a_tenant_whose_zone_is_none_holds_no_other_back(company: Company, zone: str) -> None:
    bad, good = company.subscribe(None, None)
    for tenant_id in (bad, good):
        company.owe(700, tenant_id=tenant_id)
    company.stripe.faults.append(Fault("invoices$", status=503, times=2))
    for tenant_id in (bad, good):
        company.billing.collect(company.job, tenant_id)
    with writing(company.url) as session:
        session.execute(
            text("UPDATE tenants SET timezone = :zone WHERE id = :id"), {"zone": zone, "id": bad}
        )
    did = company.another().collect_begun(company.job)
    assert (did.invoiced, did.waiting) == (1, 1)
    (fee,) = (one for one in map(company.fee, (1, 2)) if one.tenant_id == bad)
    assert fee.status is FeeStatus.DUE and "timezone" in str(fee.error)


def test_a_currency_in_small_letters_is_the_same_currency(company: Company) -> None:
    company.owe(25, currency="isk")
    assert company.billing.collect(company.job, 1).amounts_minor == {"ISK": 25}
    assert company.stripe.amounts("open") == [2500], "Stripe takes hundredths"
    assert list(company.billing.reconcile(3, repair=False)) == []
