"""The engine, and the API over it, as other tests have them."""

from __future__ import annotations

from tests.integration.engine.conftest import engine
from tests.integration.schedules.conftest import Counter, counter

__all__ = ["Counter", "counter", "engine"]
