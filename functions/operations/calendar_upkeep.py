"""Every hour at 50 past: copies the holidays of years that come into reach, and finishes changes of
calendars that were interrupted.

python -m functions calendar_upkeep
"""

from shared.calendars.port import CalendarUpkeep
from shared.tasks import JobContext, Result, Retry, task


@task("calendar_upkeep", cron="50 * * * *", timeout_seconds=1800, retry=Retry(attempts=3))
def calendar_upkeep(job: JobContext, calendars: CalendarUpkeep) -> Result:
    """Calendars have the holidays of the next five years, and schedules their calendars."""
    return calendars.keep_up(job)
