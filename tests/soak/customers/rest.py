"""What follows after the storm: the three days in which deliveries are tried again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from shared.app import App
from shared.errors import BelfryError
from shared.storage.names import Names
from shared.webhooks.store import Store
from tests.soak.customers.place import Place
from tests.soak.world import Setup, app

_STEP = timedelta(hours=25)
"""Longer than from any attempt to the next."""
_STEPS = 12
_LONG = timedelta(seconds=60)
_FAR = timedelta(days=9)
_MOST = 1000


def deliveries(calm: App) -> Store:
    """The rows of deliveries."""
    return Store(calm.connection, Names(calm.settings.prefix).webhooks)


def passes(setup: Setup, calm: App, place: Place) -> Iterator[str]:
    """Days pass, and what is due is sent, without kills and faults; what is wrong with that.
    `setup`: of storage that does not fail."""
    place.is_calm = True
    began, factor = setup.began, setup.factor
    for _ in range(_STEPS):
        if not deliveries(calm).due(calm.clock.now() + _FAR, 1):
            return
        began -= _STEP.total_seconds() / factor
        later = app(replace(setup, began=began))
        place.now = later.clock.now
        try:
            later.webhooks().flush(longest=_LONG, stop=threading.Event())
        except BelfryError as error:
            yield f"a flush failed: {error}"
    left = deliveries(calm).due(calm.clock.now() + _FAR * _STEPS, _MOST)
    yield f"deliveries that wait still: {left}"
