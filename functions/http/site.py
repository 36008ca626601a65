"""The pages that need no key: `/status` (L9) and `/ops/uptime` (L13). No route of the API is
reachable here."""

import asyncio

import azure.functions as func

from functions import _process
from functions._azure import stand_in
from functions._logs import following

blueprint = func.Blueprint()


@blueprint.function_name("site")
@blueprint.route(
    route="{*path}", methods=["GET", "HEAD", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS
)
async def site(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Every other request."""
    with following(context):
        answer: func.HttpResponse = await _process.site().handle_async(req, context)
        if answer.status_code < 500:
            await asyncio.to_thread(stand_in)
    return answer
