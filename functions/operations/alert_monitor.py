"""Every 5 minutes: takes over what the engine noted for the alerts, and tells what has become due.

python -m functions alert_monitor
"""

from shared.alerts.port import AlertMonitor
from shared.tasks import JobContext, Result, Retry, task


@task("alert_monitor", cron="*/5 * * * *", timeout_seconds=240, retry=Retry(attempts=1))
def alert_monitor(job: JobContext, alerts: AlertMonitor) -> Result:
    """Sends reminders of alerts, the ends of storms, and digests."""
    return alerts.watch(job)
