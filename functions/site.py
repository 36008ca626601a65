"""What anyone may ask: `/status` (L9) and `/ops/uptime` (L13). No API route is reachable here."""

import asyncio

import azure.functions as func

from shared.triggers import hosted, stand_in

blueprint = hosted(__name__)


@blueprint.function_name("site")
@blueprint.route(
    route="{*path}", methods=["GET", "HEAD", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS
)
async def site(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Every other request."""
    from shared.api.site import middleware

    answer: func.HttpResponse = await middleware().handle_async(req, context)
    if answer.status_code < 500:
        await asyncio.to_thread(stand_in)
    return answer
