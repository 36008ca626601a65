"""What `make start` checks before it starts anything: the settings, as the app will read them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module, util

from shared import settings
from shared.data import engines, names, schema
from shared.errors import BelfryError

_APP = "functions._process"


def settings_are_right(usual: Mapping[str, str]) -> None:
    """Raises `Misconfigured`, which names each that is wrong. `usual`: what stands for a setting
    that follows from what is not started yet."""
    os.environ.update({name: at for name, at in usual.items() if not os.environ.get(name)})
    if util.find_spec(_APP):
        import_module(_APP).check()
    engines.parsed(settings.load_for_data().url)


def own_database() -> str | None:
    """What is wrong with a company's database that is not the demo's; None if nothing is, or if
    there is none."""
    if not os.environ.get("DATABASE_URL"):
        return None
    data = settings.load_for_data()
    names.use(names.read(data.names))
    try:
        problem = schema.look(data.url).problem
    except BelfryError as error:
        problem = str(error)
    return None if problem is None else f"DATABASE_URL: {problem}"
