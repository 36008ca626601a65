"""The engine, as other tests have it."""

from tests.integration.engine.conftest import engine

__all__ = ["engine"]
