"""`GET /metrics`, for Prometheus (C18), at function level: one of the API's routes."""

import asyncio

import azure.functions as func

from functions import _process
from functions._azure import stand_in
from functions._logs import following

blueprint = func.Blueprint()


@blueprint.function_name("metrics")
@blueprint.route(
    route="metrics", methods=["GET", "HEAD", "OPTIONS"], auth_level=func.AuthLevel.FUNCTION
)
async def metrics(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """A scrape."""
    with following(context):
        answer: func.HttpResponse = await _process.api().handle_async(req, context)
        if answer.status_code < 500:
            await asyncio.to_thread(stand_in)
    return answer
