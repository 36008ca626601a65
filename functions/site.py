"""What anyone may ask: `/status` (L9) and `/ops/uptime` (L13). No API route is reachable here."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.function_name("site")
@blueprint.route(route="{*path}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def site(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Every other request."""
    from shared.api.site import middleware

    answer: func.HttpResponse = await middleware().handle_async(req, context)
    return answer
