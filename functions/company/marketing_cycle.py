"""O2: Mondays at 07:00 UTC, reads engagement, recommends, and proposes campaigns.

python -m functions marketing_cycle
"""

from shared.marketing.port import MarketingService
from shared.tasks import JobContext, Result, task


@task("marketing_cycle", cron="0 7 * * 1", timeout_seconds=1800, dry_run=True)
def marketing_cycle(job: JobContext, marketing: MarketingService) -> Result:
    """Reads owners' engagement, recommends, and proposes campaigns that a person approves."""
    return marketing.cycle(job)
