"""The app of this process: built once, by whichever function is invoked first.

The app's own imports happen then, and not when the functions are indexed.
"""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING

import functions

if TYPE_CHECKING:
    from shared.api.bridge import Bridge
    from shared.app import App
    from shared.tasks import Registry

_building = threading.Lock()


def app() -> App:
    """The app, prepared. Raises `Misconfigured`, `Unavailable` or `Refused`; the next call tries
    again."""
    with _building:
        return _app()


@functools.cache
def _app() -> App:
    from shared.process import started

    return started(registry())


def prepare() -> None:
    """For whoever starts the app in another process: check its settings, create what it needs."""
    from shared.process import prepare

    prepare(registry())


def registry() -> Registry:
    """The tasks that `functions/` holds."""
    from shared.tasks import Registry

    return Registry(functions.tasks())


@functools.cache
def api() -> Bridge:
    """The API, for the host's requests."""
    from shared.api.app import api
    from shared.api.bridge import Bridge

    return Bridge(api(app))


@functools.cache
def site() -> Bridge:
    """The pages that need no key, for the host's requests."""
    from shared.api.bridge import Bridge
    from shared.api.site import site

    return Bridge(site(app))
