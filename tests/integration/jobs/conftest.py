"""The engine, and the API over it, as other tests have them; chunks of the index are small."""

from __future__ import annotations

import pytest

from shared.jobs import packing
from tests.integration.engine.conftest import engine
from tests.integration.schedules.conftest import Counter, counter

__all__ = ["Counter", "counter", "engine"]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk has five jobs, so that there are many."""
    monkeypatch.setattr(packing, "MOST", 5)
    monkeypatch.setattr("shared.engine.records.job_packing.MOST", 5)
