"""azure-functions' bridge from the host's requests to an ASGI app."""

from __future__ import annotations

from http import HTTPStatus

import azure.functions as func
from azure.functions._http_asgi import AsgiRequest
from fastapi import FastAPI

from shared.api.problems import CONTENT_TYPE, problem


class Bridge:
    """The bridge. What it cannot translate gets a problem document, not the host's empty 500."""

    def __init__(self, app: FastAPI) -> None:
        self._bridge = func.AsgiMiddleware(app)

    async def handle_async(
        self, req: func.HttpRequest, context: func.Context | None = None
    ) -> func.HttpResponse:
        """The app's answer."""
        try:
            AsgiRequest(req, context).to_asgi_http_scope()
        except ValueError:  # for example a path that is not UTF-8: nothing has such a name
            return _not_found()
        answer: func.HttpResponse = await self._bridge.handle_async(req, context)
        return answer


def _not_found() -> func.HttpResponse:
    told = problem(HTTPStatus.NOT_FOUND, "Not Found", "the URL cannot be read; see /api/docs")
    return func.HttpResponse(
        bytes(told.body), status_code=told.status_code, mimetype=CONTENT_TYPE, charset="utf-8"
    )
