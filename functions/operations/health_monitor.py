"""Every 5 minutes: reports each clock that fell silent, a database that does not fit, runs that
begin late, and workflows that fail.

python -m functions health_monitor
"""

from shared.alerts.port import DatabaseMonitor, LatenessMonitor, WorkflowMonitor
from shared.engine.port import Housekeeping
from shared.tasks import JobContext, Result, Retry, task


@task(
    "health_monitor",
    cron="*/5 * * * *",
    timeout_seconds=120,
    retry=Retry(attempts=1),
    misfire_grace_seconds=30,
)
def health_monitor(
    job: JobContext,
    engine: Housekeeping,
    database: DatabaseMonitor,
    lateness: LatenessMonitor,
    workflows: WorkflowMonitor,
) -> Result:
    """Reports silent clocks, a database that does not fit, late runs, and failing workflows."""
    found = engine.health(job)
    found = {**found, "database": database.watch(job)}
    return {**found, "lateness": lateness.watch(job), "workflows": workflows.watch(job)}
