"""An engine whose tasks include the archive's, with a past."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from tests.integration.archive.past import Past, made


@pytest.fixture
def past(azurite: Azurite) -> Iterator[Past]:
    found = made(azurite)
    yield found
    found.engine.calls.hold.set()
