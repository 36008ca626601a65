"""Daily at 04:20 UTC: asks the providers what they have not told of the last days' messages, such
as a price, or a status whose callback was lost.

python -m functions notification_reconciler
"""

from datetime import timedelta

from shared.notifications.port import NotificationService
from shared.tasks import JobContext, Result, task

_ASKS = timedelta(seconds=540)
"""Then it begins no further one, and the next run goes on."""


@task("notification_reconciler", cron="20 4 * * *", timeout_seconds=600)
def notification_reconciler(job: JobContext, notifications: NotificationService) -> Result:
    """Asks the providers what they have not told of the last days' messages."""
    if job.dry_run:
        return {"asked": 0, "changed": 0, "gone": 0, "complete": False}
    found = notifications.reconcile(job.clock.now(), longest=_ASKS, stop=job.stop)
    job.log("asked the providers", asked=found.asked, changed=found.changed, gone=found.gone)
    return {
        "asked": found.asked,
        "changed": found.changed,
        "gone": found.gone,
        "complete": found.complete,
    }
