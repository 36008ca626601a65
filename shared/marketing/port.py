"""What the tasks of marketing ask for. Only types."""

from __future__ import annotations

from typing import Protocol

from shared.tasks import JobContext, Result
from shared.tasks.preview import Preview


class MarketingService(Protocol):
    """The marketing cycle (`service`). Every method raises `Unavailable` or `Misconfigured` if the
    company's database fails, or does not fit this version of Belfry."""

    def cycle(self, job: JobContext) -> Result:
        """Read each tenant's figures, measure earlier campaigns, recommend, and propose campaigns
        that wait for a person. With `job.dry_run` nothing is changed, and the result says what
        would be. Raises as the methods of `PetCare` do."""

    def send(self, job: JobContext, campaign_id: int, digest: str) -> Result:
        """Send a campaign that a person approved: its list with that digest. Raises `Skipped` if it
        is closed or its time is over, and `Refused` if the list is another one."""

    def preview(self, job: JobContext, campaign_id: int, digest: str) -> Preview:
        """What `send` will do. Raises as `send` does."""

    def check(self, campaign_id: int, digest: str) -> None:
        """Raise `Invalid` unless there is a campaign of that id, with that digest."""
