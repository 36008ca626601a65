"""Invoicing no-show fees: each once, whoever asks, and whenever a process is killed.

A fee takes three calls: a draft, the fee on it, and its finalisation. The draft comes first: an
item without an invoice would wait for the customer's next one, whichever that is.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import partial
from typing import Any

from sqlalchemy import Row, Select, func, select

from shared.billing import words
from shared.billing.model import Parameters
from shared.billing.patience import Patience
from shared.billing.port import Collected
from shared.billing.steps import Call, Steps
from shared.billing.vendor.account import StripeAccount
from shared.data.database import reading
from shared.data.models import Appointment, FeeStatus, NoShowFee, Owner, StepName, Tenant
from shared.data.pages import pages
from shared.errors import Invalid, NotFound, Refused, Unavailable
from shared.log import Event, event
from shared.settings import Secret
from shared.tasks import JobContext

_logger = logging.getLogger("belfry")


class _End(Enum):
    """What became of a fee in this run."""

    INVOICED = auto()
    FAILED = auto()
    WAITING = auto()
    BY_ANOTHER = auto()


@dataclass(frozen=True, slots=True)
class _Fee:
    """A fee that is due, with all that its invoice needs."""

    id: int
    tenant_id: int
    occasion: str
    amount_minor: int
    currency: str
    customer: str
    line: str


class Fees:
    """The fees of tenants. Every method raises `Unavailable` or `Misconfigured` if the database
    fails; `Misconfigured` also if Stripe refuses the API key."""

    def __init__(
        self,
        url: Secret,
        steps: Steps,
        stripe: StripeAccount | None,
        patience: Patience,
        prefix: str,
    ) -> None:
        self._url = url
        self._steps = steps
        self._stripe = stripe
        self._patience = patience
        self._prefix = prefix

    def collect(self, job: JobContext, tenant_id: int) -> Collected:
        """As the port says. Paused billing holds no fee back: a fee is for what has happened, and
        accrues nothing."""
        ends: Counter[_End] = Counter()
        amounts: Counter[str] = Counter()
        if self._stripe is not None:
            for row in self._due(tenant_id):
                job.check()
                if self._patience.is_over():
                    break
                if (fee := self._read(job, row)) is None:
                    continue
                end = _End.INVOICED if job.dry_run else self._invoice(job, self._stripe, fee)
                ends[end] += 1
                if end is _End.INVOICED:
                    amounts[fee.currency] += fee.amount_minor
        due, without = self._left(tenant_id)
        return Collected(
            invoiced=ends[_End.INVOICED],
            amounts_minor=dict(amounts),
            failed=ends[_End.FAILED],
            waiting=due - (ends[_End.INVOICED] if job.dry_run else 0),
            without_customer=without if self._stripe is not None else 0,
        )

    def _due(self, tenant_id: int) -> Iterator[Row[*tuple[Any, ...]]]:
        """Those whose owner Stripe knows."""
        for page in pages(self._url, _query(tenant_id), (NoShowFee.id,)):
            yield from page

    def _read(self, job: JobContext, row: Row[*tuple[Any, ...]]) -> _Fee | None:
        """The fee; None if it must wait, since its tenant's zone is none: the invoice says when the
        appointment was."""
        try:
            return _fee(row)
        except Invalid as error:
            said = f"its tenant's {error}"
            job.log("a fee waits", level=logging.ERROR, fee_id=row.id, error=said)
            if not job.dry_run:
                self._steps.not_begun(row.id, said)
            return None

    def _left(self, tenant_id: int) -> tuple[int, int]:
        """How many are due, and of how many Stripe does not know the owner."""
        unknown = func.count().filter(Owner.stripe_customer_id.is_(None))
        query = (
            select(func.count(), unknown)
            .select_from(NoShowFee)
            .join(Owner, Owner.id == NoShowFee.owner_id)
            .where(NoShowFee.tenant_id == tenant_id, NoShowFee.status == FeeStatus.DUE)
        )
        with reading(self._url) as session:
            due, without = session.execute(query).one()
        return due, without

    def _invoice(self, job: JobContext, stripe: StripeAccount, fee: _Fee) -> _End:
        done: dict[StepName, Call] = {}
        for step in StepName:
            made = partial(self._parameters, fee, step, done)
            call = self._steps.begin(fee.id, fee.tenant_id, fee.occasion, step, made)
            if call is None:
                return _End.BY_ANOTHER
            try:
                stripe_id = call.stripe_id or self._made(stripe, call)
            except Unavailable as error:
                self._patience.failed()
                self._steps.waits(call, fee.id, str(error))
                job.log("a fee waits for Stripe", fee_id=fee.id, step=step, error=str(error))
                return _End.WAITING
            except (Refused, NotFound) as error:
                self._patience.answered()
                return self._refused(job, fee, call, error)
            self._patience.answered()
            if step is StepName.FINALISE:
                item = str(done[StepName.ITEM].stripe_id)
                mine = self._steps.invoiced(call, fee.id, stripe_id, item)
                return _End.INVOICED if mine else _End.BY_ANOTHER
            self._steps.done(call, stripe_id)
            done[step] = replace(call, stripe_id=stripe_id)
        raise AssertionError("finalising is the last step")

    def _made(self, stripe: StripeAccount, call: Call) -> str:
        """What the call makes, or made already: if it may have been made before, Stripe is asked
        for that first. Its idempotency keys alone would not do: they are forgotten after a day, and
        until then they repeat an answer of 500, whatever was done."""
        if call.maybe_made_since is not None:
            found = stripe.find(call.step, call.parameters, call.maybe_made_since)
            self._patience.answered()  # a 500 that is repeated below is this call's alone
            if found is not None:
                return found
        return stripe.make(call.step, call.parameters, call.key)

    def _parameters(
        self, fee: _Fee, step: StepName, done: dict[StepName, Call], key: str
    ) -> Parameters:
        marks = words.marks(self._prefix, fee.id, key)
        if step is StepName.INVOICE:
            return words.invoice(fee.customer, fee.currency, marks)
        draft = done[StepName.INVOICE]
        if step is StepName.ITEM:
            amount = words.amount_of(fee.amount_minor, fee.currency)
            return words.item(str(draft.stripe_id), draft.parameters, amount, fee.line, marks)
        return words.finalise(str(draft.stripe_id))

    def _refused(self, job: JobContext, fee: _Fee, call: Call, error: Refused | NotFound) -> _End:
        gone = isinstance(error, NotFound) and call.step is not StepName.INVOICE
        if not self._steps.failed(call, fee.id, str(error), from_the_first=gone):
            return _End.BY_ANOTHER
        job.log("a fee failed", level=logging.ERROR, fee_id=fee.id, error=str(error))
        event(
            _logger,
            Event.FEE_FAILED,
            level=logging.ERROR,
            tenant_id=fee.tenant_id,
            fee_id=fee.id,
            step=call.step.value,
            error=str(error),
        )
        return _End.FAILED


def _query(tenant_id: int) -> Select[*tuple[Any, ...]]:
    return (
        select(
            NoShowFee.id,
            NoShowFee.tenant_id,
            NoShowFee.appointment_id,
            NoShowFee.amount_minor,
            NoShowFee.currency,
            Owner.stripe_customer_id,
            func.coalesce(Owner.language, Tenant.language).label("language"),
            Appointment.starts_at,
            Tenant.timezone,
        )
        .join(Owner, Owner.id == NoShowFee.owner_id)
        .join(Appointment, Appointment.id == NoShowFee.appointment_id)
        .join(Tenant, Tenant.id == NoShowFee.tenant_id)
        .where(NoShowFee.tenant_id == tenant_id, NoShowFee.status == FeeStatus.DUE)
        .where(Owner.stripe_customer_id.is_not(None))
    )


def _fee(row: Row[*tuple[Any, ...]]) -> _Fee:
    """Raises `Invalid` as `words.line` does."""
    return _Fee(
        id=row.id,
        tenant_id=row.tenant_id,
        occasion=f"no_show:{row.appointment_id}",
        amount_minor=row.amount_minor,
        currency=row.currency.upper(),  # as somebody wrote it into their own table
        customer=row.stripe_customer_id,
        line=words.line(row.language, row.starts_at, row.timezone),
    )
