"""`/api/v1/billing`: whether billing runs, and the ledger's sums; a person resumes it (L5)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Literal, Self

from fastapi import APIRouter
from pydantic import BeforeValidator

from shared.access import Role
from shared.api.deps import Asking, Provided
from shared.api.fields import Input, Name
from shared.api.roles import needs
from shared.api.shown import Shown, at
from shared.audit.port import Action, Subject
from shared.billing.overview import Overview
from shared.billing.telling import tell
from shared.data import schema
from shared.notifications.problems import told

if TYPE_CHECKING:
    from shared.billing.service import Billing

LONGEST = timedelta(seconds=20)
"""How long Stripe is asked while a person waits for the answer."""
router = APIRouter(prefix="/api/v1/billing", tags=["billing"])


def _written(value: object) -> object:
    """Refuse numbers: pydantic would take them for seconds since 1970."""
    if value is not None and not isinstance(value, str):
        raise ValueError("give a day such as 2030-01-31")
    return value


class Resume(Input):
    """A person's word that billing shall go on."""

    by: Name
    """Who says so; it is kept."""
    day: Annotated[date | None, BeforeValidator(_written)] = None
    """Until the end of which it is not paused again, at most a week ahead; default: today, in UTC.
    It holds for the day for which it was paused too."""


class TenantOut(Shown):
    """A tenant whose subscription is not yet as it should be."""

    tenant_id: int
    state: str
    """active, pausing, paused or resuming."""
    error: str | None
    changed_at: datetime | None


class FeeSumOut(Shown):
    """The no-show fees of one status and currency."""

    status: str
    """due, invoiced, paid, waived or failed."""
    currency: str
    count: int
    amount_minor: int


class FailedFeeOut(Shown):
    """A fee that Stripe refused; a person must look at it."""

    id: int
    tenant_id: int
    appointment_id: int
    amount_minor: int
    currency: str
    error: str | None


class BillingOut(Shown):
    """How the billing stands."""

    state: Literal["running", "paused"]
    stripe: bool
    """Whether Stripe is set up; without it the ledger alone is kept."""
    paused_at: datetime | None = at("switch.paused_at")
    paused_for: date | None = at("switch.paused_for")
    """The day whose spend was too high; of the last pause, if it runs again."""
    spent_minor: int | None = at("switch.spent_minor")
    """On that day, in minor units of `currency`."""
    limit_minor: int | None = at("switch.limit_minor")
    currency: str | None = at("switch.currency")
    resumed_at: datetime | None = at("switch.resumed_at")
    resumed_by: str | None = at("switch.resumed_by")
    resumed_for: date | None = at("switch.resumed_for")
    """It is not paused again before the end of this day."""
    tenants_left: int
    """Tenants whose subscription is not yet as `state` says."""
    tenants: list[TenantOut]
    """Of those, the first hundred."""
    fees: list[FeeSumOut]
    fees_too_old: int = at("too_old")
    """Fees that are due for longer than `NO_SHOW_MAX_AGE_DAYS`, and that Stripe was never asked
    for: a person releases them (`billing retry`)."""
    failed_fees: list[FailedFeeOut] = at("failed")
    """The first hundred."""

    @classmethod
    def of(cls, found: Overview) -> Self:
        state = "paused" if found.switch.is_paused else "running"
        named = {name: getattr(found, name) for name in found.__dataclass_fields__}
        return cls.model_validate(SimpleNamespace(state=state, **named))


def _fitting(app: Provided) -> Billing:
    """The billing. Raises `Misconfigured` if the database's schema is not the one that the code
    needs, as the command line does."""
    schema.check(app().settings.database_url)
    return app().billing()


@router.get("")
@needs(everything=True)
def read_billing(app: Provided) -> BillingOut:
    """Whether billing runs, what is still to be done at Stripe, and the ledger's sums."""
    return BillingOut.of(_fitting(app).overview())


@router.post("/resume")
@needs(Role.ADMIN, everything=True)
def resume_billing(app: Provided, by: Asking, request: Resume) -> BillingOut:
    """Let billing run again, after the spend guard paused it.

    Belfry's own switch is turned at once; then Stripe is asked, tenant by tenant, for some seconds.
    `tenants_left` are done by the task `billing_upkeep`, each hour, or when you execute its
    schedule. Asking twice resumes once. People are told of it (the alert `billing_paused` is over).
    """
    billing = _fitting(app)
    subject = Subject("billing", "switch")
    with app().audit.changing(by, Action.RESUME, subject, even_if_away=True) as change:
        switch, _, _ = billing.resume(request.by, request.day, LONGEST)
        change.after = asdict(switch)
    # If that fails, `billing_upkeep` tells it: billing is resumed all the same.
    told(lambda: tell(app().alerts(), billing))
    return BillingOut.of(billing.overview())
