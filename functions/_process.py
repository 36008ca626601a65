"""The app of this process. The first function that is invoked builds it.

The app's own imports happen at that time, and not when the functions are indexed.
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


def built() -> App | None:
    """The app, if it was built already."""
    return _app() if _app.cache_info().currsize else None


@functools.cache
def _app() -> App:
    from shared.process import started

    return started(registry())


def check() -> None:
    """Read the app's settings. Raises `Misconfigured`, which names all that is wrong."""
    from shared.process import check

    check(registry())


def prepare() -> None:
    """Check the app's settings and create what it needs, before another process starts the app."""
    from shared.process import prepare

    prepare(registry())


def registry() -> Registry:
    """The tasks in `functions/`."""
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


@functools.cache
def feed() -> Bridge:
    """The calendar feed, for the host's requests."""
    from shared.api.bridge import Bridge
    from shared.api.feed.app import feed

    return Bridge(feed(app))


@functools.cache
def health_summary() -> Bridge:
    """The health summary, for the host's requests."""
    from shared.api.bridge import Bridge
    from shared.api.health_summary.app import summary

    return Bridge(summary(app))


@functools.cache
def hooks() -> Bridge:
    """What providers tell us, for the host's requests."""
    from shared.api.bridge import Bridge
    from shared.api.hooks.app import hooks

    return Bridge(hooks(app))
