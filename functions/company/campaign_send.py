"""O2: sends a campaign that the marketing cycle proposed and a person approved.

The cycle makes its job. It waits until somebody approves it (docs/approvals.md).
"""

from pydantic import Field

from shared.marketing.port import MarketingService
from shared.tasks import Impact, JobContext, Params, Result, task
from shared.tasks.preview import Preview
from shared.tasks.proposed import Proposed


class Approved(Params):
    campaign_id: int = Field(ge=1, le=2**31 - 1)
    """The campaign's id."""
    digest: str = Field(pattern="^[0-9a-f]{64}$")
    """Of its list: what is approved is this list and no other."""


def _check(params: Approved, proposed: Proposed, marketing: MarketingService) -> None:
    del proposed
    marketing.check(params.campaign_id, params.digest)


def _preview(params: Approved, job: JobContext, marketing: MarketingService) -> Preview:
    return marketing.preview(job, params.campaign_id, params.digest)


@task(
    "campaign_send",
    impact=Impact.C,
    timeout_seconds=3600,
    on_request=True,
    check=_check,
    preview=_preview,
)
def campaign_send(job: JobContext, params: Approved, marketing: MarketingService) -> Result:
    """Sends a campaign that a person approved, to its frozen list and to nobody else."""
    return marketing.send(job, params.campaign_id, params.digest)
