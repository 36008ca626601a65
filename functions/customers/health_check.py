"""Looks at a customer's target, or at Belfry itself, and says whether it is as expected (C12).

python -m functions health_check
"""

from shared.probes.params import HealthCheck
from shared.probes.port import ProbeService
from shared.tasks import Impact, JobContext, Proposed, Result, Retry, task


def fits(wanted: HealthCheck, proposed: Proposed, probes: ProbeService) -> None:
    """Raise `Invalid` unless it can be looked at."""
    probes.fits(wanted, proposed)


@task(
    "health_check",
    impact=Impact.B,
    timeout_seconds=120,
    retry=Retry(attempts=3, first_delay_seconds=5, max_delay_seconds=30),
    check=fits,
    for_projects=True,
    repeatable=True,
)
def health_check(job: JobContext, wanted: HealthCheck, probes: ProbeService) -> Result:
    """Looks at a target (HTTP, TCP, TLS, DNS, PostgreSQL), or at Belfry itself."""
    return probes.check(job, wanted)
