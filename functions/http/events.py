"""`/events`: what the signed URLs of workflows' events take, without a key (docs/workflows.md)."""

import azure.functions as func

from functions import _process
from functions._azure import answer

blueprint = func.Blueprint()


@blueprint.function_name("events")
@blueprint.route(
    route="events/{*path}",
    methods=["GET", "HEAD", "POST", "OPTIONS"],
    auth_level=func.AuthLevel.ANONYMOUS,
)
async def events(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Every request for `/events/...`."""
    return await answer(_process.site(), req, context)
