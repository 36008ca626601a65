"""L1: every day at 00:00 UTC, a proved backup of the SQLite database.

python -m functions.database_backup
"""

from shared.tasks import JobContext, Params, Result, Retry, task
from shared.triggers import timer


@task("database_backup", cron="0 0 * * *", timeout_seconds=3600, retry=Retry(attempts=3))
def database_backup(job: JobContext, params: Params) -> Result:
    """A consistent, proved backup of the SQLite database."""
    del params
    return job.backups.take("database", job)


blueprint = timer(database_backup)

if __name__ == "__main__":
    from shared.cli import main

    raise SystemExit(main(task=database_backup.name))
