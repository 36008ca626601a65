"""`/api/docs` needs nothing from elsewhere."""

from __future__ import annotations

import asyncio
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
    loaded = re.findall(r"(?:src|href)=\"([^\"]+)\"|url: '([^']+)'", page.text)
    paths = [one or other for one, other in loaded]
    assert len(paths) == 4 and not re.search("https?://", page.text)
    for path in paths:
        assert path.startswith("/api/") and path.endswith(key)
        answer = asked(path)
        assert answer.is_success and len(answer.content) > 1_000
    script = next(path for path in paths if ".js" in path)
    assert "javascript" in asked(script).headers["content-type"]


def test_a_file_that_there_is_not_is_a_problem() -> None:
    for name in ("nosuch.js", "redoc.standalone.js", "..%2F__init__.py"):
        assert asked(f"/api/docs/{name}").status_code == 404


def test_the_package_of_its_files_is_never_imported() -> None:
    code = (
        "import sys; from tests.unit.api.asking import stateless; stateless(); "
        "print('fastapi_offline' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
