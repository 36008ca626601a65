"""Fits a job's result into its room: all of it if possible, else the first items of each list."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

ROOM = 24_000
"""Characters of JSON; a job keeps 30,000."""


def fitting(result: Mapping[str, object], room: int = ROOM) -> dict[str, object]:
    """The result, with its longest lists and objects halved until it fits; `left_out` says how many
    items of each are missing. The log and the API's lists have them all."""
    shown: dict[str, Any] = dict(result)
    left_out: dict[str, int] = {}
    while len(json.dumps(shown, default=str)) > room:
        sizes = {
            name: len(json.dumps(value, default=str))
            for name, value in shown.items()
            if isinstance(value, list | dict) and value and name != "left_out"
        }
        if not sizes:
            break
        longest = max(sizes, key=lambda name: sizes[name])
        value = shown[longest]
        kept = len(value) // 2
        left_out[longest] = left_out.get(longest, 0) + len(value) - kept
        items = list(value.items())[:kept] if isinstance(value, dict) else value[:kept]
        shown[longest] = dict(items) if isinstance(value, dict) else items
        shown["left_out"] = left_out
    return shown
