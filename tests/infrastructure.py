"""The deployment in infra/, read once in a process."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from checks.bicep import File, Program, load

ROOT = Path(__file__).parents[1]


@functools.cache
def program() -> Program:
    """All of it."""
    return load(ROOT / "infra" / "main.bicep")


def module(name: str) -> File:
    """One of its modules."""
    return next(one for one in program().files if one.path.name == f"{name}.bicep")


def alert_rules() -> list[dict[str, Any]]:
    """The rules on logs, as alerts.bicep has them."""
    found = module("alerts").variables["rules"]
    assert isinstance(found, list)
    return [rule for rule in found if isinstance(rule, dict)]
