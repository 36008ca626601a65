"""Stub."""

from __future__ import annotations

from shared.workflows.model import Definition


def read_definition(text: str) -> Definition:
    """Stub."""
    raise NotImplementedError(text)
