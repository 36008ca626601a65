"""A process in which tables and columns have other names: `python -m ... URL STRIPE_URL FILE`.

It makes the tables, collects a fee, pauses, resumes, reconciles, and prints what became of it.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from shared.data import names

NOW = datetime(2026, 11, 29, 6, 30, tzinfo=UTC)


def main(url: str, stripe_url: str, file: str) -> None:
    names.use(names.read(Path(file)))  # before any model is imported
    from shared.billing.service import Billing
    from shared.clock import ManualClock
    from shared.data.migrations.run import upgrade
    from shared.settings import BillingSettings, DataSettings, Secret, StripeSettings
    from tests.context import job_of
    from tests.vendors.stripe import API_KEY

    upgrade(Secret(url))
    _fill(url)
    stripe = StripeSettings(api_key=Secret(API_KEY), url=stripe_url)
    data = DataSettings(url=Secret(url), names=Path(file))
    clock = ManualClock(NOW)
    billing = Billing(BillingSettings(data=data, stripe=stripe, prefix="belfry"), clock)
    job = job_of(clock=clock)
    collected = billing.collect(job, 1)
    paused = billing.pause(job, NOW.date(), 6000, 5000)
    switch, settled, _ = billing.resume("ana")
    found = billing.overview()
    differences = [one.what for one in billing.reconcile(90, repair=True)]
    said = [collected.invoiced, paused.outcome, switch.resumed_by, settled.resumed]
    print(json.dumps([*said, [one.status for one in found.fees], differences]))


def _fill(url: str) -> None:
    from shared.data.database import writing
    from shared.data.models import (
        Appointment,
        AppointmentStatus,
        BillingState,
        FeeStatus,
        NoShowFee,
        Owner,
        Pet,
        Tenant,
        TenantBilling,
    )
    from shared.settings import Secret

    rows = (
        Tenant(name="x", timezone="UTC", language="en", currency="EUR", sms_currency="USD"),
        Owner(tenant_id=1, name="Ana", sms_opted_in=True, stripe_customer_id="cus_ana"),
        Pet(owner_id=1, name="Luna"),
        Appointment(tenant_id=1, pet_id=1, starts_at=NOW, status=AppointmentStatus.NO_SHOW),
        NoShowFee(
            tenant_id=1,
            appointment_id=1,
            owner_id=1,
            amount_minor=2500,
            currency="EUR",
            status=FeeStatus.DUE,
            created_at=NOW,
        ),
        TenantBilling(tenant_id=1, stripe_subscription_id="sub_a", state=BillingState.ACTIVE),
    )
    with writing(Secret(url)) as session:
        for row in rows:
            session.add(row)
            session.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
