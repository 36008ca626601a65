"""How much of the processor an attack may cost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

MOST = 5.0
"""Seconds of the processor, on a busy machine with one that is slow. What is refused takes a tenth
of it; what is walked without a bound takes minutes."""


@contextmanager
def cheap(most: float = MOST) -> Iterator[None]:
    """Fails if what is done inside takes more, however busy the machine is."""
    began = time.process_time()
    yield
    assert time.process_time() - began < most
