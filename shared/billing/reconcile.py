"""Comparing the ledger with Stripe, and repairing what is safe.

Fees: what Stripe says of an invoice's end (paid, void, uncollectible) is taken over; nothing is
charged, voided or created here. Subscriptions: one that the ledger has as paused, and Stripe
collects, is paused again. All else is told, for a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import islice
from typing import Any

from sqlalchemy import Row, select

from shared.billing.model import FEE, INSTALLATION, Invoice, Subscription
from shared.billing.vendor.account import StripeAccount
from shared.billing.words import amount_of
from shared.clock import Clock
from shared.data.database import reading, writing
from shared.data.models import BillingState, FeeStatus, NoShowFee, TenantBilling
from shared.data.pages import PAGE, pages
from shared.data.rows import update_if
from shared.settings import Secret

_ENDS = {
    "paid": FeeStatus.PAID,
    "void": FeeStatus.WAIVED,
    "uncollectible": FeeStatus.WAIVED,
}
_AT_STRIPE = (FeeStatus.INVOICED, FeeStatus.PAID, FeeStatus.WAIVED)
"""What a fee can be only by an invoice; `WAIVED` also by a person, without one."""


class What(StrEnum):
    """How ledger and Stripe differ."""

    ENDED = "ended"
    """Stripe says how it ended, and the ledger does not know yet. Repaired."""
    UNFINISHED = "unfinished"
    """There is an invoice, but the fee is still due; the next run that collects finishes it."""
    FAILED = "failed"
    """The fee failed, but has an invoice that is not a draft."""
    AMOUNT = "amount"
    """The invoice is of another amount or currency."""
    TWICE = "twice"
    """The fee has another invoice too."""
    NO_FEE = "no_fee"
    """The invoice says that it is for a fee that is not in the ledger."""
    NO_INVOICE = "no_invoice"
    """Stripe has no such invoice."""
    REVERTED = "reverted"
    """The ledger says that it ended in another way than Stripe says."""
    NOT_PAUSED = "not_paused"
    """Stripe collects a subscription that should be paused. Repaired."""
    PAUSED = "paused"
    """Stripe has a subscription as paused that should run; somebody may have done it there."""
    NO_SUBSCRIPTION = "no_subscription"
    """Stripe has no such subscription."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One of them, with the words of both sides."""

    what: What
    tenant_id: int | None
    fee_id: int | None = None
    stripe_id: str | None
    ledger: str
    stripe: str
    repaired: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Fee:
    """A fee as the ledger has it."""

    id: int
    tenant_id: int
    amount_minor: int
    currency: str
    status: FeeStatus
    stripe_invoice_id: str | None


def compared(fee: Fee, invoice: Invoice) -> tuple[What, FeeStatus | None] | None:
    """How a fee differs from an invoice that names it, and the status that repairs it; None if
    they agree."""
    mine = invoice.id == fee.stripe_invoice_id
    if invoice.status == "draft" and not mine:
        return (What.UNFINISHED, None) if fee.status is FeeStatus.DUE else None  # of a failed try
    if not mine and fee.stripe_invoice_id is not None:
        return What.TWICE, None
    amount = amount_of(fee.amount_minor, fee.currency)
    if (invoice.amount, invoice.currency) != (amount, fee.currency):
        return What.AMOUNT, None
    if fee.status is FeeStatus.DUE:
        return What.UNFINISHED, None
    end = _ENDS.get(invoice.status)
    if fee.status is FeeStatus.FAILED:
        return (What.ENDED, end) if end is FeeStatus.PAID else (What.FAILED, None)
    if end is fee.status or (end is None and fee.status is FeeStatus.INVOICED):
        return None
    if end is not None and fee.status is FeeStatus.INVOICED:
        return What.ENDED, end
    return What.REVERTED, None


class Reconciler:
    """Every method raises `Unavailable` or `Misconfigured` if the database or Stripe fails."""

    def __init__(self, url: Secret, stripe: StripeAccount, clock: Clock, prefix: str) -> None:
        self._url = url
        self._stripe = stripe
        self._clock = clock
        self._prefix = prefix

    def differences(self, days: int, *, repair: bool) -> Iterator[Difference]:
        """Of the invoices and fees of so many days, and of all subscriptions."""
        since = self._clock.now() - timedelta(days=days)
        seen: set[str] = set()
        invoices = (
            one
            for one in self._stripe.invoices(since)
            if one.metadata.get(INSTALLATION) == self._prefix and FEE in one.metadata
        )
        while some := list(islice(invoices, PAGE)):
            seen.update(one.id for one in some)
            yield from self._of_invoices(some, repair)
        yield from self._lost(days, seen, repair)
        yield from self._subscriptions(repair)

    def _of_invoices(self, some: Sequence[Invoice], repair: bool) -> Iterator[Difference]:
        fees = self._fees({_number(one.metadata[FEE]) for one in some})
        for invoice in some:
            fee = fees.get(_number(invoice.metadata[FEE]))
            if fee is None:
                yield Difference(
                    what=What.NO_FEE,
                    tenant_id=None,
                    stripe_id=invoice.id,
                    ledger=f"no fee {invoice.metadata[FEE]}",
                    stripe=invoice.status,
                )
            else:
                yield from self._difference(fee, invoice, repair)

    def _difference(self, fee: Fee, invoice: Invoice, repair: bool) -> Iterator[Difference]:
        found = compared(fee, invoice)
        if found is None:
            return
        what, end = found
        yield Difference(
            what=what,
            tenant_id=fee.tenant_id,
            fee_id=fee.id,
            stripe_id=invoice.id,
            ledger=f"{fee.status}, {fee.amount_minor} {fee.currency}",
            stripe=f"{invoice.status}, {invoice.amount} {invoice.currency}",
            repaired=repair and end is not None and self._ended(fee, invoice, end),
        )

    def _ended(self, fee: Fee, invoice: Invoice, end: FeeStatus) -> bool:
        expected = {"id": fee.id, "status": fee.status}
        to = {"status": end, "stripe_invoice_id": invoice.id, "error": None}
        with writing(self._url) as session:
            return update_if(session, NoShowFee, expected, to)

    def _lost(self, days: int, seen: set[str], repair: bool) -> Iterator[Difference]:
        """Fees with an invoice that was not among Stripe's: it may be older, or not there."""
        since = self._clock.now() - timedelta(days=days)
        query = _fee_query().where(NoShowFee.created_at >= since)
        for page in pages(self._url, query, (NoShowFee.created_at, NoShowFee.id)):
            for fee in map(_fee, page):
                if fee.stripe_invoice_id is None or fee.stripe_invoice_id in seen:
                    continue
                invoice = self._stripe.invoice(fee.stripe_invoice_id)
                if invoice is not None:
                    yield from self._difference(fee, invoice, repair)
                elif fee.status in _AT_STRIPE:
                    yield Difference(
                        what=What.NO_INVOICE,
                        tenant_id=fee.tenant_id,
                        fee_id=fee.id,
                        stripe_id=fee.stripe_invoice_id,
                        ledger=fee.status,
                        stripe="no such invoice",
                    )

    def _fees(self, ids: Iterable[int]) -> dict[int, Fee]:
        with reading(self._url) as session:
            rows = session.execute(_fee_query().where(NoShowFee.id.in_(sorted(ids))))
            return {row.id: _fee(row) for row in rows}

    def _subscriptions(self, repair: bool) -> Iterator[Difference]:
        there = {one.id: one for one in self._stripe.subscriptions()}
        query = select(
            TenantBilling.tenant_id, TenantBilling.stripe_subscription_id, TenantBilling.state
        ).where(TenantBilling.stripe_subscription_id.is_not(None))
        for page in pages(self._url, query, (TenantBilling.tenant_id,)):
            for tenant_id, known, state, *_ in page:
                one = there.get(known)
                what = of_subscription(state, one)
                if what is not None:
                    yield Difference(
                        what=what,
                        tenant_id=tenant_id,
                        stripe_id=known,
                        ledger=state,
                        stripe=_said(one),
                        repaired=repair and what is What.NOT_PAUSED and self._again(tenant_id),
                    )

    def _again(self, tenant_id: int) -> bool:
        """Have it asked again; whether it will be."""
        expected = {"tenant_id": tenant_id, "state": BillingState.PAUSED}
        with writing(self._url) as session:
            return update_if(session, TenantBilling, expected, {"state": BillingState.PAUSING})


def of_subscription(state: BillingState, one: Subscription | None) -> What | None:
    """How a tenant's state differs from their subscription. What is on its way does not."""
    if one is None:
        return What.NO_SUBSCRIPTION
    if one.ended:
        return None
    if state is BillingState.PAUSED and not one.paused:
        return What.NOT_PAUSED
    if state is BillingState.ACTIVE and one.paused:
        return What.PAUSED
    return None


def _said(one: Subscription | None) -> str:
    if one is None:
        return "no such subscription"
    return "paused" if one.paused else "active"


def _number(text: str) -> int:
    """The fee's id in an invoice's metadata; 0, which none has, if it is no number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _fee_query() -> Any:
    return select(
        *(NoShowFee.id, NoShowFee.tenant_id, NoShowFee.amount_minor, NoShowFee.currency),
        *(NoShowFee.status, NoShowFee.stripe_invoice_id),
    )


def _fee(row: Row[Any]) -> Fee:
    return Fee(
        id=row.id,
        tenant_id=row.tenant_id,
        amount_minor=row.amount_minor,
        currency=row.currency.upper(),  # as somebody wrote it into their own table
        status=row.status,
        stripe_invoice_id=row.stripe_invoice_id,
    )
