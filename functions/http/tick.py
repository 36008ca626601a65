"""`POST /tick`: a clock for a pinger outside, with the function's key."""

import azure.functions as func

from functions._azure import clock_by_http

blueprint = func.Blueprint()


@blueprint.function_name("tick")
@blueprint.route(route="tick", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
def tick(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Do one whole tick; the answer says what it did."""
    return clock_by_http(req, context)
