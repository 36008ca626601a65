"""What the task `mail`, its check and its preview ask of the mails. Only types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from shared.mails.params import MailParams
from shared.tasks import JobContext, Preview, Proposed


class MailService(Protocol):
    """Sends what customers write. Each method raises `Unavailable` or `Refused` if storage
    fails."""

    def hold(self, params: MailParams, proposed: Proposed) -> None:
        """Raise `Invalid` naming the parameter, if the project has no such file."""

    def preview(self, params: MailParams, job: JobContext) -> Preview:
        """What will be sent, and to whom. Raises `Invalid`."""

    def send(self, params: MailParams, job: JobContext) -> Mapping[str, object]:
        """Send it to each address once for the job's effect (`schedules.job.effect_key`), however
        often it is asked for; the task's result. Raises `Invalid`; `Held` until the next day for
        what is beyond the project's cap; `Refused` if it can reach nobody."""
