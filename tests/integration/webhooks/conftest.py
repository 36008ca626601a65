"""A receiver, and deliveries to it on a table of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from local.azurite import Azurite
from shared.clock import ManualClock
from tests.integration.webhooks.world import START, Receiver, World, receiving


class Leaping(ManualClock):
    """A wait takes no time, and moves the clock."""

    def wait(self, event: threading.Event, longest: timedelta) -> bool:
        if not event.is_set():
            self.advance(longest)
        return event.is_set()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def clock() -> ManualClock:
    return Leaping(START + timedelta(hours=1))


@pytest.fixture
def world(azurite: Azurite, clock: ManualClock) -> World:
    return World(azurite.connection_string, clock)
