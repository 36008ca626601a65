"""A step that finds nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.integration.analysis.probe import _said


def main(order: Mapping[str, Any]) -> dict[str, Any]:
    del order
    return _said()
