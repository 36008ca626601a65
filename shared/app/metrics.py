"""Makes what Prometheus scrapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.alerts.book import Book
from shared.app.stores import Stores
from shared.clock import Clock
from shared.engine.records.job_index import JobIndex
from shared.listing.listing import Listing
from shared.metrics.gathering import Sources
from shared.metrics.service import Metrics
from shared.notifications.outbox import Outbox
from shared.settings import Settings
from shared.tasks.services import once

if TYPE_CHECKING:
    from shared.scaling.service import Scaling


def metrics(
    settings: Settings,
    at: Stores,
    jobs: JobIndex,
    listing: Listing,
    scaling: Callable[[], Scaling],
    clock: Clock,
) -> Metrics:
    names = at.names
    queues = {
        "jobs": names.queue,
        "jobs_poison": names.poison,
        "long_jobs": names.long_queue,
        "long_jobs_poison": names.long_poison,
        "shards": names.shards,
        "clock": names.clock,
    }
    return Metrics(
        Sources(
            table=at.table,
            meta=at.meta,
            jobs=jobs,
            listing=listing,
            queues={name: at.connection.queue(queue) for name, queue in queues.items()},
            book=once(lambda: Book(at.connection, names.alerts)),
            outbox=once(lambda: Outbox(at.connection, names.notifications)),
            scaling=lambda: scaling().known(),
            clock=clock,
            shown=settings.metrics_schedules,
        )
    )
