"""Makes the services of health checks and status pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.app.stores import Stores
from shared.audit.port import Audit
from shared.clock import Clock
from shared.outgoing import Outgoing
from shared.resources.port import ResourceService

if TYPE_CHECKING:
    from shared.probes.publishing import StatusPages
    from shared.probes.service import Probes
    from shared.probes.store import Store as HealthChecks


def health_checks(at: Stores) -> HealthChecks:
    from shared.probes.store import Store

    return Store(at.connection, at.names.probes)


def service(
    at: Stores,
    kept: Callable[[], HealthChecks],
    outgoing: Callable[[], Outgoing],
    resources: Callable[[], ResourceService],
    clock: Clock,
) -> Probes:
    from shared.probes.itself import Itself
    from shared.probes.names import platform
    from shared.probes.reaching import Reaching
    from shared.probes.service import Probes

    return Probes(
        kept(),
        Itself(at.meta, clock),
        lambda: Reaching(outgoing(), clock, resolve=platform),
        resources,
        outgoing,
        clock,
    )


def status_pages(
    at: Stores, kept: Callable[[], HealthChecks], audit: Audit, clock: Clock
) -> StatusPages:
    from shared.probes.page_store import PageStore
    from shared.probes.publishing import StatusPages

    return StatusPages(PageStore(at.connection.table(at.names.table)), kept(), audit, clock)
