"""A process that runs each task of the company once: `python -m ... URL FILE STORAGE PREFIX`.

FILE says what tables and columns are called. It prints what each task returned, what the API reads,
and all rows, whose values are the same whatever the names.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from shared.data import names

if TYPE_CHECKING:
    from tests.integration.care.office import Office
    from tests.integration.finance.setup import Kept

SUNDAY = datetime(2026, 11, 29, 12, tzinfo=UTC)
_PHONE = "+4915112345678"


def main(url: str, file: str, storage: str, prefix: str) -> None:
    names.use(names.read(Path(file)))  # before any model is imported
    from functions.care.appointment_reminders_2h import appointment_reminders_2h
    from functions.care.appointment_reminders_24h import appointment_reminders_24h
    from functions.care.no_show_detector import no_show_detector
    from functions.care.reputation_updater import reputation_updater
    from functions.care.vaccination_monitor import vaccination_monitor
    from functions.company.daily_cost_report import daily_cost_report
    from functions.company.metrics_reset import metrics_reset
    from functions.company.spend_guard import spend_guard
    from functions.operations.billing_upkeep import billing_upkeep
    from shared.app import build
    from shared.data.consent import set_opted_in
    from shared.data.migrations.run import upgrade
    from shared.settings import Secret, from_env
    from shared.tasks import Params, Registry
    from tests.integration.care.office import Office
    from tests.integration.finance.setup import Kept

    upgrade(Secret(url))
    office, kept = Office(Secret(url)), Kept(Secret(url))
    _fill(office, kept)
    tasks = (
        *(appointment_reminders_24h, appointment_reminders_2h, vaccination_monitor),
        *(no_show_detector, reputation_updater, metrics_reset, daily_cost_report, spend_guard),
        billing_upkeep,
    )
    environ = {"AzureWebJobsStorage": storage, "BELFRY_PREFIX": prefix, "DATABASE_URL": url}
    app = build(from_env(environ), office.at(SUNDAY).clock, Registry(tasks))
    app.create()
    said: dict[str, object] = {}
    for dry_run in (True, False):
        for task in tasks:
            job = office.job(dry_run=dry_run)
            said[f"{task.name}, {dry_run=}"] = app.executor.rehearse(task, task.params(), job)
    job = office.at(SUNDAY + timedelta(days=7)).job()
    said["a week later"] = app.executor.rehearse(reputation_updater, Params(), job)
    said["resumed"] = app.billing().resume("ana")
    said["billing"] = app.billing().overview()
    said["usage"] = app.finance().usage(1, None, None, 1, 10)
    found, _ = app.notifications().page(None, None, 1, 100)
    said["told"] = sorted((one.recipient, one.subject, one.text) for one in found)
    said["opted out"] = set_opted_in(Secret(url), [_PHONE], lambda _: False, False)
    said["rows"] = list(kept.everything().values())
    print(json.dumps(said, default=str))


def _fill(office: Office, kept: Kept) -> None:
    """Something for each task to do."""
    from shared.data.database import writing
    from shared.data.models import (
        AppointmentStatus,
        BillingState,
        Owner,
        Pet,
        Role,
        TenantBilling,
        User,
        VaccinationStatus,
    )

    hour, day = timedelta(hours=1), timedelta(days=1)
    office.tenant(timezone="UTC", currency="EUR", no_show_fee_minor=2500)
    office.add(Owner(tenant_id=1, name="Ana", phone=_PHONE, sms_opted_in=True))
    office.add(Pet(owner_id=1, name="Luna"))
    office.add(User(tenant_id=1, email="ana@example.com", role=Role.SYSTEM_ADMIN))
    office.book(SUNDAY + day)
    office.book(SUNDAY + 2 * hour)
    office.book(SUNDAY - 2 * hour)
    marked = SUNDAY - 3 * day
    office.book(marked, status=AppointmentStatus.NO_SHOW, no_show_at=marked)
    office.vaccinate((SUNDAY + 14 * day).date())
    office.vaccinate((SUNDAY - day).date(), status=VaccinationStatus.EXPIRING)
    office.pet(1)
    office.know(2, 50, (SUNDAY - 200 * day).date())
    kept.partner("Vets")
    for ago, amount in ((0, 9000), (1, 300), (2, 200)):
        of = (SUNDAY - ago * day).date()
        kept.cost(of, amount)
        kept.revenue(of, 2 * amount)
        kept.commission(1, of, amount // 10)
        kept.used(of, amount)
    subscribed = TenantBilling(tenant_id=1, state=BillingState.ACTIVE)
    with writing(office.url) as session:
        session.add(subscribed)


if __name__ == "__main__":
    main(*sys.argv[1:])
