"""Decisions that stay when a command is given again.

A command decides on ids: of the schedule that it creates, of the job that it asks for. If it may be
given again, because nobody knows how far it came, the ids of the first time must be used again;
then nothing is made twice. Whoever gives the command keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

Agreed: TypeAlias = Callable[[Callable[[], Sequence[str]]], Sequence[str]]
"""Takes what decides on ids; returns those of the first time. It keeps them before it returns."""


def afresh(decide: Callable[[], Sequence[str]]) -> Sequence[str]:
    """For a command that is given once: decide."""
    return decide()
