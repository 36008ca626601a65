"""A bench of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from tests.integration.engine.control.setup import Office, office


@pytest.fixture
def desk(azurite: Azurite) -> Iterator[Office]:
    made = office(azurite)
    yield made
    made.calls.hold.set()
