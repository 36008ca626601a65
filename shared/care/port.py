"""What the pet-care tasks ask for. Only types."""

from __future__ import annotations

from typing import Protocol

from shared.tasks import JobContext, Result


class PetCare(Protocol):
    """Does the work of the pet-care tasks (`service`), tenant by tenant, each method that of one
    task.

    Each returns the metrics (P8), with what went wrong for single tenants in `errors`. After all
    others were done, it raises `Unavailable` if something failed for a tenant that may succeed
    later; to do it all again is harmless. It raises `Misconfigured` if the database does not fit
    or nothing could be done for any tenant. With `job.dry_run` nothing is changed or sent, and the
    result has `would`: what would be.
    """

    def remind_24h(self, job: JobContext) -> Result:
        """Remind owners of appointments at the same time tomorrow (P4)."""

    def remind_2h(self, job: JobContext) -> Result:
        """Remind owners of appointments in two hours (P5)."""

    def check_vaccinations(self, job: JobContext) -> Result:
        """Tell owners of vaccinations that expire soon (P1); update the statuses (P2)."""

    def detect_no_shows(self, job: JobContext) -> Result:
        """Mark appointments to which nobody came, and charge the fee (P3)."""

    def update_reputations(self, job: JobContext) -> Result:
        """Settle the week that ended last, and those before it that were missed (P6)."""
