"""The API as an ASGI app."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Depends, FastAPI

from shared.api import bodies, deps, front, pages, problems, query, roles, traced
from shared.api.alerts import routes as alerts
from shared.api.analyses import routes as analyses
from shared.api.applied import routes as applied
from shared.api.approvals import routes as approvals
from shared.api.audit import routes as audit
from shared.api.backups import routes as backups
from shared.api.batches import routes as batches
from shared.api.billing import routes as billing
from shared.api.budgets import routes as budgets
from shared.api.calendars import routes as calendars
from shared.api.costs import routes as costs
from shared.api.deliveries import routes as deliveries
from shared.api.description import Described, operation_id
from shared.api.door import Door, Enter
from shared.api.exports import routes as exports
from shared.api.health_checks import routes as health_checks
from shared.api.health_summary import routes as health_summary
from shared.api.jobs import routes as jobs
from shared.api.keys import own
from shared.api.keys import routes as keys
from shared.api.marketing import routes as marketing
from shared.api.metrics import routes as metrics
from shared.api.notifications import routes as notifications
from shared.api.plans import routes as plans
from shared.api.reports import routes as reports
from shared.api.resources import repositories, targets, webhooks
from shared.api.runs import routes as runs
from shared.api.scaling import routes as scaling
from shared.api.schedules import (
    backfills,
    conflicts,
    health,
    heartbeats,
    listing,
    occurrences,
    previews,
    statistics,
)
from shared.api.schedules import routes as schedules
from shared.api.status_pages import routes as status_pages
from shared.api.syncs import routes as syncs
from shared.api.tasks import routes as tasks
from shared.api.tasks import types as task_types
from shared.api.usage import routes as usage
from shared.api.workflows import routes as workflows
from shared.app import App

_SAID = """
Schedules, and the jobs they make; what people were told; reports and use.

Deployed, every request needs a function key, in the header `x-functions-key`. Once a key of
Belfry's own was made (`POST /api/v1/keys`), every request also needs one, as `Authorization: Bearer
bfy_...`, or a sign-in. It says who asks: a viewer reads, an operator also changes, an admin also
gives out keys; and what belongs to projects that the key does not have does not exist for it. The
health summary needs neither, in its short form. Not described here are `POST /tick`, which needs a
function key too, and `GET /status` and `GET /ops/uptime`, which need none.

A body is JSON in UTF-8, of 1,000,000 bytes at most, sent as `application/json` with its length
(`Content-Length`), not in chunks. A boolean is `true` or `false`, in a query as well; a parameter
that is unknown, or given twice, is refused. HEAD works wherever GET does, and OPTIONS tells which
methods a path takes.
"""


def api(belfry: Callable[[], App], enter: Enter | None = None) -> FastAPI:
    """The API of the app that `belfry` returns. It has no lifespan: the bridge would not run it.

    `enter` says who asks; by default, the app's own gate does."""
    made = Described(
        title="Belfry",
        description=_SAID,
        docs_url=None,
        redirect_slashes=False,  # an empty 307, which clients follow in different ways
        openapi_url=pages.DESCRIPTION,
        redoc_url=None,
        generate_unique_id_function=operation_id,
        dependencies=[
            Depends(roles.permit),
            Depends(query.known_only),
            Depends(bodies.not_null),
        ],
    )
    made.include_router(calendars.router)
    made.include_router(applied.router)
    made.include_router(usage.router)
    made.include_router(marketing.router)
    made.include_router(reports.router)
    made.include_router(exports.router)
    made.include_router(statistics.router)
    made.include_router(health.router)
    made.include_router(listing.router)  # before schedules, whose ids would take its path
    made.include_router(conflicts.router)  # the same
    made.include_router(schedules.router)
    made.include_router(previews.router)
    made.include_router(jobs.router)
    made.include_router(batches.router)
    made.include_router(occurrences.router)
    made.include_router(backfills.router)
    made.include_router(heartbeats.router)
    made.include_router(tasks.router)
    made.include_router(task_types.router)
    made.include_router(costs.router)
    made.include_router(budgets.router)
    made.include_router(plans.router)  # before backups, whose ids would take its path
    made.include_router(backups.router)
    made.include_router(billing.router)
    made.include_router(notifications.router)
    made.include_router(notifications.before)
    made.include_router(alerts.router)
    made.include_router(approvals.router)
    made.include_router(approvals.plain)
    made.include_router(deliveries.router)
    made.include_router(keys.router)
    made.include_router(own.router)
    made.include_router(audit.router)
    made.include_router(webhooks.router)
    made.include_router(repositories.router)
    made.include_router(targets.router)
    made.include_router(analyses.router)
    made.include_router(metrics.router)
    made.include_router(scaling.router)
    made.include_router(syncs.router)
    made.include_router(health_checks.router)
    made.include_router(status_pages.router)
    made.include_router(workflows.router)
    made.include_router(runs.router)
    made.include_router(runs.starting)
    made.include_router(health_summary.router)
    deps.provide(made, belfry)
    pages.install(made)
    traced.install(made)
    made.add_middleware(
        Door,
        enter=enter or (lambda knock: belfry().gate.enter(knock)),
        proxied=(lambda: False) if enter else (lambda: belfry().settings.access.on_azure),
    )
    front.install(made)
    problems.install(made)
    return made
