"""Each test runs on both databases; reports go to a real Azurite."""

from __future__ import annotations

import itertools

import pytest

from local.azurite import Azurite
from shared.app import App, build
from shared.clock import ManualClock
from shared.settings import Secret, from_env
from shared.tasks import Registry
from tests.integration.data.conftest import empty, postgres_template, sqlite_template, url
from tests.integration.finance.setup import NOW, Kept

__all__ = ["app", "empty", "kept", "postgres_template", "sqlite_template", "url"]

_prefixes = itertools.count()


@pytest.fixture
def app(url: Secret, azurite: Azurite) -> App:
    """An app on that database; its clock stands at `NOW`."""
    settings = from_env(
        {
            "AzureWebJobsStorage": azurite.connection_string,
            "BELFRY_PREFIX": f"fin{next(_prefixes)}",
            "DATABASE_URL": url.reveal(),
        }
    )
    made = build(settings, ManualClock(NOW), Registry([]))
    made.create()
    return made


@pytest.fixture
def kept(url: Secret) -> Kept:
    """The company's rows."""
    return Kept(url)
