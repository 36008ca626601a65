"""The ledger and Stripe are compared; what is safe is repaired, all else is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.billing.reconcile import Difference, What
from shared.data.database import writing
from shared.data.models import FeeStatus, NoShowFee
from shared.errors import Misconfigured, Unavailable
from tests.integration.billing.conftest import NOW, Company
from tests.vendors.stripe import Fault, declined


def differences(company: Company, *, repair: bool = False) -> list[Difference]:
    return list(company.another().reconcile(90, repair=repair))


def whats(company: Company, *, repair: bool = False) -> list[tuple[What, bool]]:
    return [(one.what, one.repaired) for one in differences(company, repair=repair)]


def test_what_agrees_is_not_told(company: Company) -> None:
    company.owe(1, 2, 3)
    company.subscribe("sub_a")
    company.billing.collect(company.job, 1)
    assert differences(company) == []


@pytest.mark.parametrize(
    ("end", "status"),
    [("paid", FeeStatus.PAID), ("void", FeeStatus.WAIVED), ("uncollectible", FeeStatus.WAIVED)],
)
def test_how_an_invoice_ended_is_taken_over(company: Company, end: str, status: FeeStatus) -> None:
    fee_id, other = company.owe(2500, 100)
    company.billing.collect(company.job, 1)
    company.stripe.end("in_000001", end)
    (found,) = differences(company)
    assert (found.what, found.fee_id, found.stripe_id) == (What.ENDED, fee_id, "in_000001")
    assert (found.ledger, found.stripe) == ("invoiced, 2500 EUR", f"{end}, 2500 EUR")
    assert not found.repaired and company.fee(fee_id).status is FeeStatus.INVOICED
    assert whats(company, repair=True) == [(What.ENDED, True)]
    assert company.fee(fee_id).status is status
    assert company.fee(other).status is FeeStatus.INVOICED
    assert differences(company) == []


def test_a_failed_fee_that_somebody_paid_at_stripe_is_paid(company: Company) -> None:
    (fee_id,) = company.owe(2500)
    company.stripe.faults.append(declined())
    company.billing.collect(company.job, 1)
    assert differences(company) == []  # its draft charges nobody
    company.stripe.end("in_000001", "paid")
    assert whats(company, repair=True) == [(What.ENDED, True)]
    fee = company.fee(fee_id)
    assert (fee.status, fee.stripe_invoice_id) == (FeeStatus.PAID, "in_000001")


def test_what_is_unfinished_is_told_and_finished_by_the_next_collection(company: Company) -> None:
    company.owe(2500)
    company.stripe.faults.append(Fault("finalize"))
    company.billing.collect(company.job, 1)
    assert whats(company, repair=True) == [(What.UNFINISHED, False)]
    company.billing.collect(company.job, 1)
    assert differences(company) == []


def test_what_is_missing_on_either_side_is_told(company: Company) -> None:
    lost, gone = company.owe(2500, 100)
    company.billing.collect(company.job, 1)
    del company.stripe.invoices["in_000001"]
    with writing(company.url) as session:
        session.delete(session.get_one(NoShowFee, gone))
    found = {one.what: one for one in differences(company, repair=True)}
    assert found.keys() == {What.NO_INVOICE, What.NO_FEE}
    assert found[What.NO_INVOICE].fee_id == lost
    assert found[What.NO_FEE].ledger == f"no fee {gone}"
    assert not any(one.repaired for one in found.values())


def test_another_amount_and_a_second_invoice_are_told(company: Company) -> None:
    company.owe(2500, 100)
    company.billing.collect(company.job, 1)
    company.stripe.invoices["in_000001"]["subtotal"] = 2400
    twin = company.stripe.invoices["in_000003"] | {"id": "in_twin"}
    company.stripe.invoices["in_twin"] = twin
    assert whats(company, repair=True) == [(What.TWICE, False), (What.AMOUNT, False)]


def test_invoices_of_others_are_not_looked_at(company: Company) -> None:
    """Neither the company's own nor another installation's on the same account."""
    company.owe(2500)
    company.billing.collect(company.job, 1)
    mine = company.stripe.invoices["in_000001"]
    company.stripe.invoices["in_own"] = mine | {"id": "in_own", "metadata": {}}
    theirs = mine["metadata"] | {"belfry_prefix": "staging"}
    company.stripe.invoices["in_theirs"] = mine | {"id": "in_theirs", "metadata": theirs}
    assert differences(company) == []


def test_all_pages_are_read_and_older_invoices_asked_for(company: Company) -> None:
    company.stripe.largest_page = 2
    fees = company.owe(1, 2, 3, 4, 5)
    company.billing.collect(company.job, 1)
    for number, invoice in enumerate(company.stripe.invoices.values()):
        invoice["status"] = "paid"
        invoice["created"] -= 200 * 86_400 * (number == 4)  # by a clock that was wrong
    assert whats(company, repair=True) == [(What.ENDED, True)] * 5
    assert {company.fee(one).status for one in fees} == {FeeStatus.PAID}


def test_what_stripe_collects_though_it_should_not_is_paused_again(company: Company) -> None:
    company.subscribe("sub_a", "sub_b", "sub_c", None)
    company.billing.pause(company.job, NOW.date(), 6000, 5000)
    company.stripe.subscriptions["sub_a"]["pause_collection"] = None
    company.stripe.subscriptions["sub_b"]["status"] = "canceled"
    del company.stripe.subscriptions["sub_c"]
    assert whats(company) == [(What.NOT_PAUSED, False), (What.NO_SUBSCRIPTION, False)]
    assert whats(company, repair=True) == [(What.NOT_PAUSED, True), (What.NO_SUBSCRIPTION, False)]
    assert "sub_a" in company.paused_at_stripe()
    assert set(company.states().values()) == {"paused"}


def test_what_somebody_paused_at_stripe_is_told_and_left(company: Company) -> None:
    company.subscribe("sub_a")
    company.stripe.subscriptions["sub_a"]["pause_collection"] = {"behavior": "void"}
    assert whats(company, repair=True) == [(What.PAUSED, False)]
    assert company.paused_at_stripe() == ["sub_a"]


def test_old_fees_are_not_looked_at(company: Company) -> None:
    company.owe(2500)
    company.billing.collect(company.job, 1)
    company.stripe.end("in_000001", "paid")
    company.clock.advance(timedelta(days=91))
    assert differences(company) == []


def test_without_stripe_there_is_nothing_to_compare_with(company: Company) -> None:
    with pytest.raises(Misconfigured, match="STRIPE_API_KEY is not set"):
        list(company.alone().reconcile(90, repair=False))


def test_a_stripe_that_is_away_is_told(company: Company) -> None:
    company.stripe.faults.append(Fault("invoices", method="GET", status=503))
    with pytest.raises(Unavailable, match="Stripe: as a test wants it"):
        differences(company)
