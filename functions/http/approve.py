"""`/approve`: the pages that the signed links of approvals open, and their forms, without a key."""

import azure.functions as func

from functions import _process
from functions._azure import answer

blueprint = func.Blueprint()


@blueprint.function_name("approve")
@blueprint.route(
    route="approve/{*path}",
    methods=["GET", "HEAD", "POST", "OPTIONS"],
    auth_level=func.AuthLevel.ANONYMOUS,
)
async def approve(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Every request for `/approve/...`."""
    return await answer(_process.site(), req, context)
