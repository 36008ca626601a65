"""Every hour at 40 past: does what Stripe did not do when it was asked (L5, P12).

Tenants whose subscription is not yet as Belfry's own switch says are paused or resumed; fees whose
invoice was begun are invoiced. People are told whether billing is paused, unless they know.

python -m functions billing_upkeep
"""

from shared.alerts.port import AlertKind, AlertService
from shared.billing.port import ALERT, BillingService
from shared.billing.telling import tell, tell_failed_fees
from shared.errors import Unavailable
from shared.tasks import JobContext, Result, task


@task("billing_upkeep", cron="40 * * * *", timeout_seconds=600, max_concurrent=1)
def billing_upkeep(job: JobContext, billing: BillingService, alerts: AlertService) -> Result:
    """Does what Stripe did not do when it was asked: pausing, resuming, invoices."""
    if not job.dry_run:
        tell(alerts, billing)
    settled = billing.settle(job)
    collected = billing.collect_begun(job)
    if not job.dry_run:
        tell_failed_fees(alerts, billing)
    if settled.errors:
        raise Unavailable("Stripe", f"{settled.left} tenants left; {'; '.join(settled.errors)}")
    if not (settled.left or job.dry_run):  # the spend guard has opened it
        alerts.close(AlertKind.BILLING_STUCK, ALERT, "What was left undone at Stripe is done.")
    return {
        "tenants_paused": settled.paused,
        "tenants_resumed": settled.resumed,
        "tenants_left": settled.left,
        "fees_invoiced": collected.invoiced,
        "fees_failed": collected.failed,
    }
