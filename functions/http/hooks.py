"""`/hooks`: what providers tell us, without a key: each request is signed by its provider."""

import asyncio

import azure.functions as func

from functions import _process
from functions._azure import stand_in
from functions._logs import following

blueprint = func.Blueprint()


@blueprint.function_name("hooks")
@blueprint.route(
    route="hooks/{*path}", methods=["POST", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS
)
async def hooks(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Every request for `/hooks/...`."""
    with following(context):
        answer: func.HttpResponse = await _process.hooks().handle_async(req, context)
        if answer.status_code < 500:
            await asyncio.to_thread(stand_in)
    return answer
