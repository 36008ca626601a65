"""A proxy before Azurite, and clients that go through it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from local.azurite import Azurite
from tests.faults import FaultProxy
from tests.faults.setup import Account


@pytest.fixture
def proxy(azurite: Azurite) -> Iterator[FaultProxy]:
    with FaultProxy(azurite.connection_string, seed=7) as running:
        yield running


@pytest.fixture
def account(azurite: Azurite, proxy: FaultProxy) -> Iterator[Account]:
    with ExitStack() as open_:
        made = Account(proxy.connection_string, azurite.connection_string, open_)
        made.table().create_table()
        made.queue().create_queue()
        made.container().create_container()
        proxy.log.reset()
        yield made
