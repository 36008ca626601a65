"""The pages that need no key: `/status` (L9) and `/ops/uptime` (L13). No route of the API is
reachable here."""

import azure.functions as func

from functions import _process
from functions._azure import answer

blueprint = func.Blueprint()


@blueprint.function_name("site")
@blueprint.route(
    route="{*path}", methods=["GET", "HEAD", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS
)
async def site(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Every other request."""
    return await answer(_process.site(), req, context)
