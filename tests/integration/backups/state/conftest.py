"""An engine of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from tests.integration.backups.state.setup import prefix
from tests.integration.engine.conftest import Engine, make, tap


@pytest.fixture
def engine(azurite: Azurite) -> Iterator[Engine]:
    made = make(azurite, prefix())
    tap(made)
    yield made
    made.calls.hold.set()
