"""Every 5 minutes: folds what changed into the snapshots from which lists are answered.

python -m functions index_upkeep
"""

from shared.engine.port import Housekeeping
from shared.tasks import JobContext, Result, Retry, task


@task(
    "index_upkeep",
    cron="*/5 * * * *",
    timeout_seconds=600,
    retry=Retry(attempts=1),
    max_concurrent=1,
)
def index_upkeep(job: JobContext, engine: Housekeeping) -> Result:
    """Keeps the indexes from which lists are answered in step with the tables."""
    return engine.keep_index(job)
