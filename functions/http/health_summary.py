"""`/api/health/summary`: how Belfry itself is; in short for everybody, in full with a key.

Whoever looks from outside has no host key, so this path of `/api` has a function of its own, which
asks for none. Of two routes that fit, the host takes the one with more fixed words.
"""

import azure.functions as func

from functions import _process
from functions._azure import answer

blueprint = func.Blueprint()


@blueprint.function_name("health_summary")
@blueprint.route(
    route="api/health/summary",
    methods=["GET", "HEAD", "OPTIONS"],
    auth_level=func.AuthLevel.ANONYMOUS,
)
async def health_summary(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Every request for the summary."""
    return await answer(_process.health_summary(), req, context)
