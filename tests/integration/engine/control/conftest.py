"""An engine of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from tests.integration.engine.control.setup import ControlledEngine, controlled


@pytest.fixture
def engine(azurite: Azurite) -> Iterator[ControlledEngine]:
    made = controlled(azurite)
    yield made
    made.calls.hold.set()
