"""An app with the API in front of it, as callers with keys ask it."""

from __future__ import annotations

import pytest

from local.azurite import Azurite
from tests.integration.access.asking import Asking
from tests.integration.engine.conftest import Engine, make


@pytest.fixture
def instance(azurite: Azurite) -> Engine:
    return make(azurite)


@pytest.fixture
def client(instance: Engine) -> Asking:
    return Asking(instance.app)


@pytest.fixture
def other(azurite: Azurite, instance: Engine) -> Asking:
    """Another instance on the same storage, by the same clock."""
    prefix = instance.app.settings.prefix
    return Asking(make(azurite, prefix, clock=instance.clock, prepared=True).app)
