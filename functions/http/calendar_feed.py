"""`/api/v1/calendar.ics`: a project's coming runs, with the token of a feed in place of a key.

Calendar programs cannot send the host's key, so this path of `/api` has a function of its own,
which asks for none. Of two routes that fit, the host takes the one with more fixed words.
"""

import azure.functions as func

from functions import _process
from functions._azure import answer

blueprint = func.Blueprint()


@blueprint.function_name("calendar_feed")
@blueprint.route(
    route="api/v1/calendar.ics",
    methods=["GET", "HEAD", "OPTIONS"],
    auth_level=func.AuthLevel.ANONYMOUS,
)
async def calendar_feed(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Every request for the feed."""
    return await answer(_process.feed(), req, context)
