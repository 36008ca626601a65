"""Who asks, as it comes through azure-functions' bridge: with the host's way of writing headers."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import azure.functions as func

from local.azurite import Azurite
from shared.api.app import api
from shared.api.bridge import Bridge
from shared.app import App
from tests.integration.access.asking import Asking
from tests.integration.engine.conftest import make

INVOCATION = "8d2c4f8e-0d3b-4f0c-9a55-0f6f2b8f6a11"


def asked(app: App, method: str, path: str, body: Any = None, **headers: str) -> func.HttpResponse:
    request = func.HttpRequest(
        method,
        f"https://belfry.example.com{path}",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        body=b"" if body is None else json.dumps(body).encode(),
    )
    context: Any = SimpleNamespace(
        function_directory="/",
        function_name="api",
        invocation_id=INVOCATION,
        thread_local_storage=None,
        trace_context=None,
        retry_context=None,
    )
    return asyncio.run(Bridge(api(lambda: app)).handle_async(request, context))


def test_a_key_comes_through_the_bridge(azurite: Azurite) -> None:
    platform = {"WEBSITE_SITE_NAME": "belfry"}
    app = make(azurite, environ=platform).app
    key = Asking(app).key()
    path = "/api/v1/keys"
    refused = asked(app, "GET", path)
    assert refused.status_code == 401 and refused.headers["www-authenticate"]
    body = {"name": "Bo", "role": "viewer"}
    made = asked(
        app,
        "POST",
        path,
        body,
        Authorization=f"Bearer {key}",
        Content_Type="application/json",
        X_Forwarded_For="203.0.113.9, 198.51.100.7:41000",
    )
    assert made.status_code == 201 and made.headers["ratelimit"]
    (told,) = [
        one
        for one in Asking(app).told("GET", "/api/v1/audit?kind=key", key)["entries"]
        if (one["after"] or {}).get("name") == "Bo"
    ]
    assert told["by"]["address"] == "198.51.100.7"
    assert told["by"]["request_id"] == INVOCATION
