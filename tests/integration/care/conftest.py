"""Each test runs on both databases."""

from __future__ import annotations

import pytest

from shared.settings import Secret
from tests.integration.care.office import Office
from tests.integration.data.conftest import empty, postgres_template, sqlite_template, url

__all__ = ["empty", "office", "postgres_template", "sqlite_template", "url"]


@pytest.fixture
def office(url: Secret) -> Office:
    """A company with one tenant in Warsaw, whose owner gets text messages."""
    return Office(url)
