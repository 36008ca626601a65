"""`GET /metrics`, for Prometheus (C18), at function level: one of the API's routes."""

import azure.functions as func

from functions import _process
from functions._azure import answer

blueprint = func.Blueprint()


@blueprint.function_name("metrics")
@blueprint.route(
    route="metrics", methods=["GET", "HEAD", "OPTIONS"], auth_level=func.AuthLevel.FUNCTION
)
async def metrics(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """A scrape."""
    return await answer(_process.api(), req, context)
