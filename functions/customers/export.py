"""A file of what Belfry knows of a project: runs, schedules, audit, costs and the like (C12).

docs/exports.md has what it can be asked for.
"""

from shared.exports.params import ExportParams
from shared.exports.port import ExportService, export_fits
from shared.tasks import Impact, JobContext, Result, Retry, task


@task(
    "export",
    check=export_fits,
    impact=Impact.B,
    timeout_seconds=3600,
    retry=Retry(attempts=3, first_delay_seconds=60),
    max_concurrent=4,
    for_projects=True,
    repeatable=True,
)
def export(job: JobContext, params: ExportParams, exports: ExportService) -> Result:
    """Writes a report of the project's runs, schedules, costs or the like into a file."""
    return exports.export(params, job)
