"""`/hooks`: what providers tell us, without a key: each request is signed by its provider."""

import azure.functions as func

from functions import _process
from functions._azure import answer

blueprint = func.Blueprint()


@blueprint.function_name("hooks")
@blueprint.route(
    route="hooks/{*path}", methods=["POST", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS
)
async def hooks(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Every request for `/hooks/...`."""
    return await answer(_process.hooks(), req, context)
