"""The HTTP API under `/api`: FastAPI through azure-functions' ASGI bridge, at function level."""

import asyncio

import azure.functions as func

from shared.triggers import hosted, stand_in

blueprint = hosted(__name__)


@blueprint.function_name("api")
@blueprint.route(route="api/{*path}", auth_level=func.AuthLevel.FUNCTION)
async def api(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Every request for `/api/...`."""
    from shared.api.app import middleware

    answer: func.HttpResponse = await middleware().handle_async(req, context)
    if answer.status_code < 500:
        await asyncio.to_thread(stand_in)
    return answer
