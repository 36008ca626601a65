"""`/api/docs`: Swagger UI, from files that come with the app, so that a browser needs no internet.

The host requires its key with each request under `/api`. If the key was given in the query
(`?code=`), the page's own requests also have it there.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from fastapi import FastAPI, Query
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse

from shared.errors import NotFound

PAGE, DESCRIPTION = "/api/docs", "/api/openapi.json"
_SCRIPT, _STYLE, _ICON = "swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"
_YEAR = "public, max-age=31536000, immutable"

Key = Annotated[str | None, Query(alias="code")]


def install(made: FastAPI) -> None:
    """Add the page, and the files that it loads."""
    made.get(PAGE, include_in_schema=False)(page)
    made.get(PAGE + "/{name}", include_in_schema=False)(file)


def page(code: Key = None) -> HTMLResponse:
    """The page."""

    def at(path: str) -> str:
        return path if code is None else f"{path}?{urlencode({'code': code})}"

    return get_swagger_ui_html(
        openapi_url=at(DESCRIPTION),
        title="Belfry",
        swagger_js_url=at(f"{PAGE}/{_SCRIPT}"),
        swagger_css_url=at(f"{PAGE}/{_STYLE}"),
        swagger_favicon_url=at(f"{PAGE}/{_ICON}"),
    )


def file(name: str, code: Key = None) -> FileResponse:
    """One of the files that the page loads."""
    del code
    if name not in (_SCRIPT, _STYLE, _ICON):
        raise NotFound(f"there is no {name!r:.60} here; see {PAGE}")
    return FileResponse(_folder() / name, headers={"Cache-Control": _YEAR})


def _folder() -> Path:
    """The folder of the package's files. The package is not imported."""
    found = find_spec("fastapi_offline")
    assert found is not None and found.origin is not None  # noqa: S101 (it is required)
    return Path(found.origin).parent / "static"
