"""Makes the health summary. Its parts are imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.app.stores import Stores
from shared.clock import Clock
from shared.engine.records.job_index import JobIndex
from shared.settings import Settings
from shared.tasks.services import once

if TYPE_CHECKING:
    from shared.app.domains import Domains
    from shared.backups.status.recovery import Standing
    from shared.health_summary.model import Pending
    from shared.health_summary.parts import Parts
    from shared.health_summary.service import HealthSummary


def health_summary(
    settings: Settings,
    at: Stores,
    jobs: JobIndex,
    company: Domains,
    clock: Clock,
    approvals: Callable[[], Pending] | None = None,
) -> Callable[[], HealthSummary]:
    """`approvals` says how many wait for a person."""

    def parts() -> Parts:
        from shared.alerts.book import Book
        from shared.health_summary.gathering import Sources, looks
        from shared.health_summary.parts import Parts
        from shared.notifications.outbox import Outbox

        names = at.names
        queues = {
            "jobs": names.queue,
            "long_jobs": names.long_queue,
            "jobs_poison": names.poison,
            "long_jobs_poison": names.long_poison,
        }
        sources = Sources(
            meta=at.meta,
            jobs=jobs,
            queues={name: at.connection.queue(queue) for name, queue in queues.items()},
            outbox=once(lambda: Outbox(at.connection, names.notifications)),
            circuits=lambda: company.notifications().circuits(),
            book=once(lambda: Book(at.connection, names.alerts)),
            standings=lambda: standings(company),
            approvals=approvals,
            database_url=settings.database_url,
            clock=clock,
        )
        return Parts(looks(sources), clock)

    def made() -> HealthSummary:
        from shared.health_summary.service import HealthSummary

        return HealthSummary(once(parts), clock)

    return once(made)


def pending(company: Domains) -> Pending:
    """The approvals that wait for a person."""
    from shared.health_summary.model import Pending

    count, oldest = company.approval_figures().waiting()
    return Pending(count=count, oldest_at=oldest)


def standings(company: Domains) -> list[Standing]:
    """How each database of each lasting plan stands. Without a plan no destination is asked."""
    backups = company.backups()
    plans = backups.plans().lasting
    return backups.standings(backups.look(), plans) if plans else []
