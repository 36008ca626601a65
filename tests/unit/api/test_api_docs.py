"""`/api/docs` needs nothing from elsewhere."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import subprocess
import sys

import httpx
import pytest

from tests.unit.api.asking import stateless


def asked(path: str) -> httpx.Response:
    async def answered() -> httpx.Response:
        transport = httpx.ASGITransport(stateless())
        async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
            return await client.get(path)

    return asyncio.run(answered())


@pytest.mark.parametrize("key", ["", "?code=a%2Fb%3D%3D"])
def test_all_that_the_page_loads_comes_from_the_app(key: str) -> None:
    page = asked(f"/api/docs{key}")
    assert page.headers["content-type"].startswith("text/html")
    paths = re.findall(r'(?:src|href|data-description)="([^"]+)"', page.text)
    assert len(paths) == 6 and not re.search("https?://", page.text)
    for path in paths:
        assert path.startswith("/api/") and path.endswith(key)
        answer = asked(path)
        assert answer.is_success and len(answer.content) > 50
    script = next(path for path in paths if ".js" in path)
    assert "javascript" in asked(script).headers["content-type"]


def test_what_the_page_loads_has_the_hash_that_the_page_says() -> None:
    """And a part of it in its name, so that browsers may keep it."""
    loaded = re.findall(r'"(/api/docs/[^"]+)" integrity="sha384-([^"]+)"', asked("/api/docs").text)
    assert len(loaded) == 4
    for path, digest in loaded:
        answer = asked(path)
        assert base64.b64encode(hashlib.sha384(answer.content).digest()).decode() == digest
        assert hashlib.sha256(answer.content).hexdigest()[:10] in path
        assert "immutable" in answer.headers["cache-control"]


def test_the_page_runs_no_script_but_those_of_its_host() -> None:
    page = asked("/api/docs")
    rules = page.headers["content-security-policy"].split("; ")
    assert "default-src 'none'" in rules and "script-src 'self'" in rules
    assert re.search(r"<script[^>]*>[^<]", page.text) is None


def test_a_file_that_there_is_not_is_a_problem() -> None:
    for name in ("nosuch.js", "swagger-ui.css", "manifest.json", "..%2F__init__.py"):
        assert asked(f"/api/docs/{name}").status_code == 404


def test_the_package_of_its_files_is_never_imported() -> None:
    code = (
        "import sys; from tests.unit.api.asking import stateless; stateless(); "
        "print('fastapi_offline' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
