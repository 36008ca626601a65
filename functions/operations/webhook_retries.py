"""Every minute: tries the deliveries to webhooks that are due. Every five minutes it removes old
ones.

python -m functions webhook_retries
"""

from datetime import timedelta

from shared.tasks import JobContext, Result, Retry, task
from shared.webhooks.port import WebhookService

_SENDS = timedelta(seconds=45)
"""Then it begins no further attempt, and the next run goes on."""
_FORGETS_EACH = 5
"""Minutes."""


@task(
    "webhook_retries",
    cron="* * * * *",
    timeout_seconds=110,
    retry=Retry(attempts=1),
    misfire_grace_seconds=60,
    max_concurrent=1,
)
def webhook_retries(job: JobContext, webhooks: WebhookService) -> Result:
    """Tries the deliveries to webhooks that are due."""
    if job.dry_run:
        return {"tried": 0, "statuses": {}, "forgotten": 0}
    statuses = webhooks.flush(longest=_SENDS, stop=job.stop)
    forgets = job.due_at.minute % _FORGETS_EACH == 0
    forgotten = webhooks.forget(stop=job.stop) if forgets else 0
    tried = sum(statuses.values())
    if tried or forgotten:
        job.log("went over what is due", tried=tried, forgotten=forgotten)
    said = {status.value: count for status, count in statuses.items()}
    return {"tried": tried, "statuses": said, "forgotten": forgotten}
