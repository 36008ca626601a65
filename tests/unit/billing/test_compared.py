"""How a fee of the ledger and an invoice of Stripe differ: every pair of statuses."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.billing.model import Invoice, Subscription
from shared.billing.reconcile import Fee, What, compared, of_subscription
from shared.billing.words import amount_of, line
from shared.data.models import BillingState, FeeStatus

NOW = datetime(2026, 11, 29, 6, 30, tzinfo=UTC)
DUE, INVOICED, PAID, WAIVED, FAILED = FeeStatus


def fee(status: FeeStatus, invoice_id: str | None = "in_1") -> Fee:
    return Fee(
        id=7,
        tenant_id=1,
        amount_minor=2500,
        currency="EUR",
        status=status,
        stripe_invoice_id=invoice_id,
    )


def invoice(status: str, amount: int = 2500, currency: str = "EUR") -> Invoice:
    return Invoice(id="in_1", status=status, amount=amount, currency=currency, metadata={})


@pytest.mark.parametrize(
    ("status", "at_stripe", "found"),
    [
        (INVOICED, "open", None),
        (INVOICED, "paid", (What.ENDED, PAID)),
        (INVOICED, "void", (What.ENDED, WAIVED)),
        (INVOICED, "uncollectible", (What.ENDED, WAIVED)),
        (INVOICED, "draft", None),
        (PAID, "paid", None),
        (PAID, "open", (What.REVERTED, None)),
        (PAID, "void", (What.REVERTED, None)),
        (WAIVED, "void", None),
        (WAIVED, "uncollectible", None),
        (WAIVED, "paid", (What.REVERTED, None)),
    ],
)
def test_an_invoice_that_the_ledger_knows(
    status: FeeStatus, at_stripe: str, found: tuple[What, FeeStatus | None] | None
) -> None:
    assert compared(fee(status), invoice(at_stripe)) == found


@pytest.mark.parametrize(
    ("status", "at_stripe", "found"),
    [
        (DUE, "draft", (What.UNFINISHED, None)),
        (DUE, "open", (What.UNFINISHED, None)),
        (DUE, "paid", (What.UNFINISHED, None)),
        (FAILED, "draft", None),
        (FAILED, "open", (What.FAILED, None)),
        (FAILED, "paid", (What.ENDED, PAID)),
        (FAILED, "void", (What.FAILED, None)),
    ],
)
def test_an_invoice_that_the_ledger_does_not_know_yet(
    status: FeeStatus, at_stripe: str, found: tuple[What, FeeStatus | None] | None
) -> None:
    assert compared(fee(status, None), invoice(at_stripe)) == found


def test_a_second_invoice_and_another_amount_are_for_a_person() -> None:
    assert compared(fee(INVOICED, "in_0"), invoice("open")) == (What.TWICE, None)
    assert compared(fee(INVOICED, "in_0"), invoice("draft")) is None  # it charges nobody
    assert compared(fee(INVOICED), invoice("paid", 2499)) == (What.AMOUNT, None)
    assert compared(fee(INVOICED), invoice("paid", currency="USD")) == (What.AMOUNT, None)


@pytest.mark.parametrize("state", BillingState)
def test_of_subscriptions_only_what_should_be_paused_is_repaired(state: BillingState) -> None:
    runs = Subscription(id="sub_1", ended=False, paused=False)
    paused = Subscription(id="sub_1", ended=False, paused=True)
    ended = Subscription(id="sub_1", ended=True, paused=False)
    assert of_subscription(state, None) is What.NO_SUBSCRIPTION
    assert of_subscription(state, ended) is None
    assert of_subscription(state, runs) is (What.NOT_PAUSED if state == "paused" else None)
    assert of_subscription(state, paused) is (What.PAUSED if state == "active" else None)


def test_amounts_are_in_stripes_units() -> None:
    assert (amount_of(5, "ISK"), amount_of(5, "JPY"), amount_of(5, "EUR")) == (500, 5, 5)
    assert (amount_of(500_050, "MGA"), amount_of(1_230, "KWD")) == (5_000, 1_230)


@pytest.mark.parametrize("language", ["en", "fr", "", "EN-gb"])
def test_a_language_without_words_is_english(language: str) -> None:
    assert (
        line(language, NOW, "Asia/Tokyo") == "Fee for the missed appointment of 2026-11-29 at 15:30"
    )
