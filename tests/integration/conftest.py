"""What every test here leaves as it found it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.engine.conftest import clear_queues


@pytest.fixture(autouse=True)
def no_messages_are_left() -> Iterator[None]:
    """Azurite looks through the messages of all queues whenever one is asked for: with thousands
    left by earlier tests that takes longer than all the rest."""
    yield
    clear_queues()
