"""One world for all attacks of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from tests.integration.attacks.world import World, world


@pytest.fixture(scope="module")
def attacked(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(azurite, tmp_path_factory.mktemp("attacked")) as made:
        yield made
