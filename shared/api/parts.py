"""What several resources share: input that refuses what cannot be kept, by name, and pages."""

from __future__ import annotations

import json
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, field_validator

from shared.text import depth, is_clean

T = TypeVar("T")


class Input(BaseModel):
    """What the API takes. Unknown fields are refused, by name, and so is what cannot be kept."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _can_be_kept(cls, value: object) -> object:
        if depth(value) > _DEEPEST:
            raise ValueError(f"more than {_DEEPEST} lists and objects stand in each other")
        text = (
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        )
        if not is_clean(text):
            raise ValueError("it holds half of a surrogate pair, or a null character")
        return value


_DEEPEST = 100
"""pydantic, which writes it for a reader, takes 255."""


def page_of(items: list[T], page: int, size: int) -> tuple[list[T], int]:
    """(that page's items, number of pages)."""
    return items[(page - 1) * size : page * size], -(-len(items) // size)
