"""Every five minutes: sends the notifications that are due, and asks the providers about those that
may have been sent.

python -m functions notification_sender
"""

from collections import Counter
from datetime import timedelta

from shared.notifications.port import NotificationService
from shared.tasks import JobContext, Result, Retry, task

_SENDS = timedelta(seconds=240)
"""Then it begins no further one, and the next run goes on."""


@task(
    "notification_sender",
    cron="*/5 * * * *",
    timeout_seconds=290,
    retry=Retry(attempts=1),
    misfire_grace_seconds=240,
)
def notification_sender(job: JobContext, notifications: NotificationService) -> Result:
    """Sends the notifications that are due."""
    if job.dry_run:
        return {"changed": 0, "statuses": {}}
    done = notifications.flush(job.clock.now(), longest=_SENDS, stop=job.stop)
    statuses = Counter(one.status.value for one in done)
    job.log("went over what is due", changed=len(done))
    return {"changed": len(done), "statuses": dict(statuses)}
