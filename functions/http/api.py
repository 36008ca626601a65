"""The HTTP API under `/api`: FastAPI through azure-functions' ASGI bridge, at function level."""

import azure.functions as func

from functions import _process
from functions._azure import answer

blueprint = func.Blueprint()


@blueprint.function_name("api")
@blueprint.route(route="api/{*path}", auth_level=func.AuthLevel.FUNCTION)
async def api(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Every request for `/api/...`."""
    return await answer(_process.api(), req, context)
