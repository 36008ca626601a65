"""Daily at 04:20 UTC: removes old notifications, and asks the providers what they have not told of
the last days' messages, such as a price, or a status whose callback was lost.

python -m functions notification_reconciler
"""

from datetime import timedelta

from shared.notifications.port import NotificationService
from shared.tasks import JobContext, Result, task

_FORGETS = timedelta(seconds=120)
_ASKS = timedelta(seconds=420)
"""Then it begins nothing further, and the next run goes on."""


@task("notification_reconciler", cron="20 4 * * *", timeout_seconds=600)
def notification_reconciler(job: JobContext, notifications: NotificationService) -> Result:
    """Removes old notifications, and asks the providers what they have not told of new ones."""
    if job.dry_run:
        return {"forgotten": 0, "asked": 0, "changed": 0, "gone": 0, "complete": False}
    # First, since a provider that does not answer ends the run.
    forgotten = notifications.forget(job.clock.now(), longest=_FORGETS, stop=job.stop)
    found = notifications.reconcile(job.clock.now(), longest=_ASKS, stop=job.stop)
    job.log(
        "removed old notifications, and asked the providers",
        forgotten=forgotten,
        asked=found.asked,
        changed=found.changed,
        gone=found.gone,
    )
    return {
        "forgotten": forgotten,
        "asked": found.asked,
        "changed": found.changed,
        "gone": found.gone,
        "complete": found.complete,
    }
