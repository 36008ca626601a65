"""An app with a week behind it: on PostgreSQL and Azurite."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from local.azurite import Azurite
from shared.api.app import api
from shared.app import App, build
from shared.clock import ManualClock
from shared.data.database import writing
from shared.data.models import Role, User
from shared.settings import Secret, from_env
from shared.tasks import Registry
from tests.integration.data.conftest import empty, postgres_template, sqlite_template, url
from tests.integration.finance.setup import Kept

__all__ = ["empty", "postgres_template", "sqlite_template", "url"]

NOW = datetime(2026, 11, 30, 9, 30, 3, tzinfo=UTC)
"""A Monday."""
Ask = Callable[..., httpx.Response]
_prefixes = itertools.count()


def made(azurite: Azurite, prefix: str, url: Secret | None, now: datetime = NOW) -> App:
    environ = {
        "AzureWebJobsStorage": azurite.connection_string,
        "BELFRY_PREFIX": prefix,
        **({"DATABASE_URL": url.reveal()} if url is not None else {}),
    }
    app = build(from_env(environ), ManualClock(now), Registry([]))
    app.create()
    return app


@pytest.fixture
def prefix() -> str:
    return f"week{next(_prefixes)}"


@pytest.fixture
def bare(azurite: Azurite, prefix: str) -> App:
    """An app without a database."""
    return made(azurite, prefix, None)


@pytest.fixture
def app(azurite: Azurite, prefix: str, url: Secret) -> App:
    """An app on that database, with an administrator."""
    with writing(url) as session:
        session.add(User(tenant_id=1, email="ana@example.com", role=Role.SYSTEM_ADMIN))
    return made(azurite, prefix, url)


@pytest.fixture
def kept(url: Secret) -> Kept:
    return Kept(url)


def asking(app: App) -> Ask:
    """What the API answers."""
    site = api(lambda: app)

    async def answered(path: str, params: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(site)
        async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
            return await client.get(f"/api/v1/reports/{path}", params=params)

    return lambda path, **params: asyncio.run(answered(path, params))
