"""What several resources share: input that refuses unknown fields by name, and pages."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class Input(BaseModel):
    """What the API takes. Unknown fields are refused, by name."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


def page_of(items: list[T], page: int, size: int) -> tuple[list[T], int]:
    """(that page's items, number of pages)."""
    return items[(page - 1) * size : page * size], -(-len(items) // size)
