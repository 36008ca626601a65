"""The functions of `function_app`, found once: an app can be asked for them only once."""

from __future__ import annotations

import functools
from typing import Any


@functools.cache
def found() -> tuple[Any, ...]:
    """The app's functions. The first call needs the settings of an app in the environment."""
    import function_app

    return tuple(function_app.app.get_functions())
