"""One tenant after another. What fails for one is noted, and the others are done (P9)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo

from sqlalchemy import func, select

from shared.alerts.of_tenants import tell_failed
from shared.alerts.port import AlertService
from shared.care.totals import Totals
from shared.data.database import reading
from shared.data.models import Tenant as Row
from shared.data.pages import pages
from shared.errors import BelfryError, Cancelled, LeaseLost, Misconfigured, Unavailable
from shared.recurrence import InvalidRecurrence
from shared.recurrence import zone as zones
from shared.settings import Secret
from shared.tasks import JobContext

_PAGE = 200
_IN_A_ROW = 3
"""After so many tenants in a row for whom a service did not answer, the others are not tried: each
would wait for it in vain."""
_SELECTED = select(
    Row.id,
    Row.name,
    Row.timezone,
    Row.currency,
    Row.no_show_fee_minor,
    Row.no_show_grace_minutes,
)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant, with what the tasks need of it."""

    id: int
    name: str
    timezone: str
    currency: str
    no_show_fee_minor: int | None
    no_show_grace_minutes: int | None

    @property
    def zone(self) -> tzinfo:
        """Raises `Misconfigured`."""
        try:
            return zones.find(self.timezone)
        except InvalidRecurrence as error:
            raise Misconfigured(f"its timezone: {error.message}") from None


Work = Callable[[Tenant, Totals], None]
"""What is done for a tenant; adds to the totals."""


def for_each(
    url: Secret, alerts: Callable[[], AlertService], job: JobContext, totals: Totals, work: Work
) -> None:
    """Do the work for each tenant, and tell people of those for whom it cannot be done. Raises as
    `port.PetCare` says."""
    run = _Run(job, totals, work)
    with reading(url) as session:
        count = session.execute(select(func.count()).select_from(Row)).scalar_one()
    for page in pages(url, _SELECTED, (Row.id,), size=_PAGE):
        for row in page:
            job.check()
            run.do(Tenant(*row[:6]))
            job.progress(run.done + len(run.failed), count)
    if run.broken and not job.dry_run:
        tell_failed(alerts(), job, run.broken)
    run.end()


class _Run:
    """How far a run has come."""

    def __init__(self, job: JobContext, totals: Totals, work: Work) -> None:
        self._job = job
        self._totals = totals
        self._work = work
        self.done = 0
        self.failed: list[Exception] = []
        self.broken: list[tuple[int, str]] = []
        """The tenants for whom another attempt does not help, with what is wrong."""
        self._away = 0
        self._first = ""

    def do(self, tenant: Tenant) -> None:
        """Do the work for a tenant."""
        try:
            self._work(tenant, self._totals)
        except (Cancelled, LeaseLost):
            raise
        except Exception as error:  # of this tenant alone
            self._fail(tenant, error)
            return
        self.done += 1
        self._away = 0
        self._totals.counts["tenants_processed"] += 1

    def _fail(self, tenant: Tenant, error: Exception) -> None:
        known = isinstance(error, BelfryError)
        said = str(error) if known else f"failed unexpectedly ({type(error).__name__})"
        text = f"{tenant.name} ({tenant.id}): {said}"
        if not known:
            self._job.log.unexpected(error)
        self._job.log("a tenant failed", level=logging.ERROR, tenant_id=tenant.id, error=said)
        self._totals.fail(text)
        self.failed.append(error)
        if _may_pass(error):
            self._first = self._first or text
            self._away += isinstance(error, Unavailable)
        else:
            self.broken.append((tenant.id, text))
        if self._away == _IN_A_ROW:
            raise Unavailable("tenants", f"{self._first}; the others were left for a later attempt")

    def end(self) -> None:
        """Raise what makes the whole run fail."""
        count = len(self.failed)
        if self._first:
            tried = self.done + count
            said = f"{count} of {tried} were not done, first {self._first}; the others were"
            raise Unavailable("tenants", said)
        if count and not self.done:
            raise self.failed[0]


def _may_pass(error: Exception) -> bool:
    """Whether another attempt may succeed."""
    return isinstance(error, BelfryError) and not error.permanent
