"""`/api/docs`: Swagger UI, from files that come with the app, so that a browser needs no internet.

The host requires its key with each request under `/api`. If the key was given in the query
(`?code=`), the page's own requests also have it there.

A file's name has a part of its hash, so browsers may keep it for a year, and a new version of the
app loads new files. Each is loaded with the hash that it must have (Subresource Integrity). The
files are built (docs/safety.md); `assets/manifest.json` says which there are.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from fastapi import FastAPI, Query
from fastapi.responses import FileResponse, HTMLResponse

from shared.errors import NotFound

PAGE, DESCRIPTION = "/api/docs", "/api/openapi.json"
ASSETS = Path(__file__).parent / "assets"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""No script and no request but to this host. Swagger UI sets styles on its elements."""
_YEAR = "public, max-age=31536000, immutable"
_HTML = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Belfry</title>
<link rel="icon" href="{icon}">
<link rel="stylesheet" href="{swagger_style}" integrity="{swagger_style_hash}">
<link rel="stylesheet" href="{style}" integrity="{style_hash}">
<script src="{swagger}" integrity="{swagger_hash}" defer></script>
<script src="{script}" integrity="{script_hash}" type="module"></script>
</head>
<body>
<main id="swagger-ui" data-description="{description}"></main>
</body>
</html>
"""

Key = Annotated[str | None, Query(alias="code")]


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that a page loads."""

    file: str
    """Its name in the URL: the name, a part of the hash, and the ending."""
    integrity: str
    """`sha384-` and the hash in base64."""
    package: str | None = None
    """The installed package that has it under its own name; None: it is in `assets`."""


def install(made: FastAPI) -> None:
    """Add the page, and the files that it loads."""
    made.get(PAGE, include_in_schema=False)(page)
    made.get(PAGE + "/{name}", include_in_schema=False)(file)


@functools.cache
def assets() -> dict[str, Asset]:
    """Each file that pages load, by the name that it has in the sources."""
    found = json.loads((ASSETS / "manifest.json").read_text())
    return {name: Asset(**asset) for name, asset in found.items()}


def page(code: Key = None) -> HTMLResponse:
    """The page."""

    def at(path: str) -> str:
        return escape(path if code is None else f"{path}?{urlencode({'code': code})}")

    loaded = {
        "icon": "favicon.png",
        "swagger": "swagger-ui-bundle.js",
        "swagger_style": "swagger-ui.css",
        "script": "docs.js",
        "style": "docs.css",
    }
    values = {"description": at(DESCRIPTION)}
    for part, name in loaded.items():
        values[part] = at(f"{PAGE}/{assets()[name].file}")
        values[f"{part}_hash"] = assets()[name].integrity
    return HTMLResponse(_HTML.format(**values), headers={"Content-Security-Policy": POLICY})


def file(name: str, code: Key = None) -> FileResponse:
    """One of the files that the page loads."""
    del code
    for source, asset in assets().items():
        if asset.file == name:
            return FileResponse(path(source, asset), headers={"Cache-Control": _YEAR})
    raise NotFound(f"there is no {name!r:.60} here; see {PAGE}")


def path(name: str, asset: Asset) -> Path:
    """Where the file is. A package's file is found without importing the package."""
    if asset.package is None:
        return ASSETS / asset.file
    found = find_spec(asset.package)
    assert found is not None and found.origin is not None  # noqa: S101 (it is required)
    return Path(found.origin).parent / "static" / name
