"""The ledger of the calls to Stripe: each is written down with its key and its parameters before it
is made, and so is what came of it.

A process may be killed between any two writes. What is open when another begins may have been done
or not; the other finds out, or asks again under the same key.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared.billing.model import Parameters
from shared.clock import Clock
from shared.data.database import reading, writing
from shared.data.models import BillingStep, FeeStatus, NoShowFee, StepName, StepState
from shared.data.rows import insert_once, update_if
from shared.settings import Secret

_ERROR = 1_000
"""Characters of an error that are kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A step as it was written down."""

    row_id: int
    step: StepName
    key: str
    parameters: Parameters
    stripe_id: str | None
    """What it made; None: not known yet."""
    maybe_made_since: datetime | None
    """Somebody began it then, and may have made the call; None: nobody has."""


class Steps:
    """The steps of fees. Every method raises as `writing` does."""

    def __init__(self, url: Secret, clock: Clock, prefix: str) -> None:
        self._url = url
        self._clock = clock
        self._prefix = prefix

    def begun(self) -> list[int]:
        """The tenants with a step that is open, in order."""
        query = select(BillingStep.tenant_id).where(BillingStep.state == StepState.OPEN)
        tenants = query.distinct().order_by(BillingStep.tenant_id)
        with reading(self._url) as session:
            return list(session.execute(tenants).scalars())

    def begin(
        self,
        fee_id: int,
        tenant_id: int,
        occasion: str,
        step: StepName,
        made: Callable[[str], Parameters],
    ) -> Call | None:
        """Write the step down, unless it is; None if the fee is due no longer.

        `made`: (the key) -> the parameters, which are those of the first call ever after. Only a
        step that failed gets another key: the fee is due again because a person said so.
        """
        with writing(self._url) as session:
            if _status(session, fee_id) is not FeeStatus.DUE:
                return None
            rows = _rows(session, tenant_id, occasion, step)
            if rows and rows[-1].state is not StepState.FAILED:
                return _call(rows[-1], fresh=False)
            key = f"{self._prefix}:{tenant_id}:{occasion}:{step}"
            if rows:
                key += f":{len(rows) + 1}"
            insert_once(session, BillingStep, self._new(tenant_id, occasion, step, key, made(key)))
            return _call(_rows(session, tenant_id, occasion, step)[-1], fresh=True)

    def _new(
        self, tenant_id: int, occasion: str, step: StepName, key: str, parameters: Parameters
    ) -> dict[str, object]:
        now = self._clock.now()
        return {
            "tenant_id": tenant_id,
            "occasion": occasion,
            "step": step,
            "key": key,
            "parameters": json.dumps(parameters, ensure_ascii=False),
            "state": StepState.OPEN,
            "created_at": now,
            "changed_at": now,
        }

    def done(self, call: Call, stripe_id: str) -> None:
        """The call made that."""
        with writing(self._url) as session:
            self._close(session, call, stripe_id)

    def invoiced(self, call: Call, fee_id: int, invoice_id: str, item_id: str) -> bool:
        """The last call was made, so the fee is invoiced; whether it was not before."""
        to = {
            "status": FeeStatus.INVOICED,
            "stripe_invoice_id": invoice_id,
            "stripe_item_id": item_id,
            "error": None,
        }
        with writing(self._url) as session:
            self._close(session, call, invoice_id)
            return update_if(session, NoShowFee, {"id": fee_id, "status": FeeStatus.DUE}, to)

    def _close(self, session: Session, call: Call, stripe_id: str) -> None:
        to = {"state": StepState.DONE, "stripe_id": stripe_id, "error": None}
        expected = {"id": call.row_id, "state": StepState.OPEN}
        update_if(session, BillingStep, expected, to | {"changed_at": self._clock.now()})

    def waits(self, call: Call, fee_id: int, error: str) -> None:
        """Stripe did not answer, or failed; it is asked again."""
        with writing(self._url) as session:
            to = {"error": error[:_ERROR], "changed_at": self._clock.now()}
            if update_if(session, BillingStep, {"id": call.row_id, "state": StepState.OPEN}, to):
                due = {"id": fee_id, "status": FeeStatus.DUE}
                update_if(session, NoShowFee, due, {"error": error[:_ERROR]})

    def not_begun(self, fee_id: int, error: str) -> None:
        """Why a fee that is due waits, though Stripe was not asked."""
        due = {"id": fee_id, "status": FeeStatus.DUE}
        with writing(self._url) as session:
            update_if(session, NoShowFee, due, {"error": error[:_ERROR]})

    def failed(self, call: Call, fee_id: int, error: str, *, from_the_first: bool) -> bool:
        """Stripe refused it; whether this call is what made the fee fail.

        `from_the_first`: what the earlier steps made is gone, so they must be made again too.
        """
        now, said = self._clock.now(), error[:_ERROR]
        to = {"state": StepState.FAILED, "error": said, "changed_at": now}
        with writing(self._url) as session:
            if not update_if(session, BillingStep, {"id": call.row_id, "state": "open"}, to):
                return False
            if from_the_first:
                row = session.get_one(BillingStep, call.row_id)
                session.execute(
                    update(BillingStep)
                    .where(BillingStep.tenant_id == row.tenant_id)
                    .where(BillingStep.occasion == row.occasion)
                    .where(BillingStep.state != StepState.FAILED)
                    .values(to)
                )
            due = {"id": fee_id, "status": FeeStatus.DUE}
            return update_if(session, NoShowFee, due, {"status": FeeStatus.FAILED, "error": said})


def _status(session: Session, fee_id: int) -> FeeStatus | None:
    """The fee's status, which nobody else changes until the transaction ends."""
    query = select(NoShowFee.status).where(NoShowFee.id == fee_id).with_for_update()
    return session.execute(query).scalar()


def _rows(session: Session, tenant_id: int, occasion: str, step: StepName) -> list[BillingStep]:
    """The step's rows, the latest last."""
    query = (
        select(BillingStep)
        .where(BillingStep.tenant_id == tenant_id, BillingStep.occasion == occasion)
        .order_by(BillingStep.id)
    )
    return [row for row in session.execute(query).scalars() if row.step is step]


def _call(row: BillingStep, *, fresh: bool) -> Call:
    return Call(
        row_id=row.id,
        step=row.step,
        key=row.key,
        parameters=json.loads(row.parameters),
        stripe_id=row.stripe_id,
        maybe_made_since=None if fresh else row.created_at,
    )
