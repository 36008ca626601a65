"""The HTTP API under `/api`: FastAPI through azure-functions' ASGI bridge, at function level."""

import asyncio

import azure.functions as func

from functions import _process
from functions._azure import stand_in
from functions._logs import following

blueprint = func.Blueprint()


@blueprint.function_name("api")
@blueprint.route(route="api/{*path}", auth_level=func.AuthLevel.FUNCTION)
async def api(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Every request for `/api/...`."""
    with following(context):
        answer: func.HttpResponse = await _process.api().handle_async(req, context)
        if answer.status_code < 500:
            await asyncio.to_thread(stand_in)
    return answer
