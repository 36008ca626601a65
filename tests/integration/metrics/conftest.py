"""The engine, as other tests have it; chunks of the index are small."""

from __future__ import annotations

from tests.integration.engine.conftest import engine
from tests.integration.jobs.conftest import small

__all__ = ["engine", "small"]
