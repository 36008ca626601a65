"""Each test runs on both databases; jobs and notifications are in a real Azurite."""

from __future__ import annotations

import itertools

import pytest

from local.azurite import Azurite
from shared.settings import Secret
from tests.integration.data.conftest import empty, postgres_template, sqlite_template, url
from tests.integration.marketing.shop import Shop

__all__ = ["empty", "postgres_template", "shop", "sqlite_template", "url"]

_prefixes = itertools.count()


@pytest.fixture
def shop(url: Secret, azurite: Azurite) -> Shop:
    """A company with one tenant in Warsaw, whose owner has never come."""
    return Shop(url, azurite.connection_string, f"market{next(_prefixes)}")
