"""Waiting that ends early when the host is told to stop."""

from __future__ import annotations

import asyncio
from datetime import timedelta


async def wait(stop: asyncio.Event, longest: timedelta) -> bool:
    """Wait until `stop` is set, at most `longest`; whether it was set."""
    try:
        await asyncio.wait_for(stop.wait(), longest.total_seconds())
    except TimeoutError:
        return False
    return True
