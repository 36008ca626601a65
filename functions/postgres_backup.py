"""L2: every day at 03:00 UTC, a proved backup of the production PostgreSQL database.

python -m functions.postgres_backup
"""

from shared.tasks import JobContext, Params, Result, Retry, task
from shared.triggers import timer


@task("postgres_backup", cron="0 3 * * *", timeout_seconds=6000, retry=Retry(attempts=3))
def postgres_backup(job: JobContext, params: Params) -> Result:
    """A consistent, proved backup of the PostgreSQL database."""
    del params
    return job.backups.take("postgres", job)


blueprint = timer(postgres_backup)

if __name__ == "__main__":
    from shared.cli import main

    raise SystemExit(main(task=postgres_backup.name))
