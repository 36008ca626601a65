"""Tests of what is traced use the engine, too."""

from tests.integration.engine.conftest import engine

__all__ = ["engine"]
