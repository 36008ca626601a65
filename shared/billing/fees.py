"""Invoicing no-show fees: each once, whoever asks, and whenever a process is killed.

A fee takes three calls: a draft, the fee on it, and its finalisation. The draft comes first: an
item without an invoice would wait for the customer's next one, whichever that is.

By itself only a fee is invoiced that is young, or whose first step is written down. All others were
due before there was Stripe, or for very long, so the company may have collected them itself: a
person releases them, which writes the first step down.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import partial
from typing import Any

from sqlalchemy import Row

from shared.billing import words
from shared.billing.model import Parameters
from shared.billing.owed import Fee, by_itself, invoiceable, left, of
from shared.billing.patience import Patience
from shared.billing.port import Collected, Coming
from shared.billing.steps import Call, Steps
from shared.billing.vendor.account import StripeAccount
from shared.clock import Clock
from shared.data.database import reading
from shared.data.models import FeeStatus, NoShowFee, StepName
from shared.data.pages import pages
from shared.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from shared.log import Event, event
from shared.settings import Secret
from shared.tasks import JobContext

_logger = logging.getLogger("belfry")

_LISTED = 30
"""Fees that a dry run lists."""


class _End(Enum):
    """What became of a fee in this run."""

    INVOICED = auto()
    FAILED = auto()
    WAITING = auto()
    BY_ANOTHER = auto()


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
        max_age: timedelta,
        clock: Clock,
    ) -> None:
        """`max_age`: a fee that was made longer ago is not begun by itself."""
        self._url = url
        self._max_age = max_age
        self._clock = clock
        self._steps = steps
        self._stripe = stripe
        self._patience = patience
        self._prefix = prefix

    def collect(self, job: JobContext, tenant_id: int, coming: Coming | None = None) -> Collected:
        """As the port says. Paused billing holds no fee back: a fee is for what has happened, and
        accrues nothing."""
        ends: Counter[_End] = Counter()
        amounts: Counter[str] = Counter()
        would: list[Mapping[str, object]] = []
        oldest = self._oldest()
        if self._stripe is not None:
            for row in self._due(tenant_id, oldest):
                job.check()
                if self._patience.is_over():
                    break
                if (fee := self._read(job, row)) is None:
                    continue
                end = _End.INVOICED if job.dry_run else self._invoice(job, self._stripe, fee)
                ends[end] += 1
                if end is _End.INVOICED:
                    amounts[fee.currency] += fee.amount_minor
                if job.dry_run and len(would) < _LISTED:
                    would.append(fee.listed())
        due, old, without = left(self._url, tenant_id, oldest)
        found = Collected(
            invoiced=ends[_End.INVOICED],
            amounts_minor=dict(amounts),
            failed=ends[_End.FAILED],
            waiting=due - old - (ends[_End.INVOICED] if job.dry_run else 0),
            too_old=old,
            without_customer=without if self._stripe is not None else 0,
            would=tuple(would),
        )
        return found if coming is None else _with(found, coming, stripe=self._stripe is not None)

    def release(self, fee_id: int) -> None:
        """Have a fee that is due invoiced, however old it is, as a person says: its first step is
        written down, from which the next run goes on. Raises `NotFound`, and `Conflict` if it is
        not due or Stripe does not know its owner."""
        query = invoiceable().where(NoShowFee.id == fee_id)
        with reading(self._url) as session:
            row = session.execute(query).first()
            fee = session.get(NoShowFee, fee_id) if row is None else None
            status = None if fee is None else fee.status
        if row is not None:
            found = of(row)
            made = partial(self._parameters, found, StepName.INVOICE, {})
            who = (found.id, found.tenant_id, found.occasion)
            if self._steps.begin(*who, StepName.INVOICE, made) is not None:
                return
        elif status is None:
            raise NotFound(f"there is no fee {fee_id}")
        elif status is FeeStatus.DUE:
            raise Conflict(
                f"Stripe does not know the owner of fee {fee_id}: set owners.stripe_customer_id"
            )
        raise Conflict(
            f"fee {fee_id} is {status or 'due no longer'}; only one that failed or is due can be "
            "tried again"
        )

    def _oldest(self) -> datetime:
        return self._clock.now() - self._max_age

    def _due(self, tenant_id: int, oldest: datetime) -> Iterator[Row[*tuple[Any, ...]]]:
        """Those whose owner Stripe knows, and which no person needs to release."""
        for page in pages(self._url, by_itself(tenant_id, oldest), (NoShowFee.id,)):
            yield from page

    def _read(self, job: JobContext, row: Row[*tuple[Any, ...]]) -> Fee | None:
        """The fee; None if it must wait, since its tenant's zone is none: the invoice says when the
        appointment was."""
        try:
            return of(row)
        except Invalid as error:
            said = f"its tenant's {error}"
            job.log("a fee waits", level=logging.ERROR, fee_id=row.id, error=said)
            if not job.dry_run:
                self._steps.not_begun(row.id, said)
            return None

    def _invoice(self, job: JobContext, stripe: StripeAccount, fee: Fee) -> _End:
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
        self, fee: Fee, step: StepName, done: dict[StepName, Call], key: str
    ) -> Parameters:
        marks = words.marks(self._prefix, fee.id, key)
        if step is StepName.INVOICE:
            return words.invoice(fee.customer, fee.currency, marks)
        draft = done[StepName.INVOICE]
        if step is StepName.ITEM:
            amount = words.amount_of(fee.amount_minor, fee.currency)
            return words.item(str(draft.stripe_id), draft.parameters, amount, fee.line, marks)
        return words.finalise(str(draft.stripe_id))

    def _refused(self, job: JobContext, fee: Fee, call: Call, error: Refused | NotFound) -> _End:
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


def _with(found: Collected, coming: Coming, *, stripe: bool) -> Collected:
    """What a dry run found, and what it would have found besides."""
    invoiced = coming.with_customer if stripe else 0
    both = coming.with_customer + coming.without_customer
    amounts = Counter(found.amounts_minor or {})
    if invoiced:
        amounts[coming.currency] += invoiced * coming.amount_minor
    return replace(
        found,
        invoiced=found.invoiced + invoiced,
        amounts_minor=dict(amounts),
        waiting=found.waiting + both - invoiced,
        without_customer=found.without_customer + (coming.without_customer if stripe else 0),
    )
