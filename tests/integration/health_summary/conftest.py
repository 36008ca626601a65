"""What the tests of the health summary share."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.integration.engine.conftest import Engine

PATH = "/api/health/summary"


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port at which nobody listens, as long as the test runs."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def refreshed(engine: Engine) -> None:
    """Let so much time pass that no answer and no part of one is kept."""
    engine.later(16)
