"""A repository: what `analysis` reads. Pure."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from shared.resources.model import Described


class Repository(Described):
    """A Git repository, reached by https."""

    SECRETS: ClassVar[tuple[str, ...]] = ("token",)
    """What it is read with; sent as the password of HTTP's basic authentication."""

    url: str = Field(max_length=2000)
    """https, without a user and a password."""
    branch: str = Field(default="", max_length=255)
    """Empty: the one that the repository says is its default."""
    username: str = Field(default="", max_length=100)
    """What goes with the token; empty: `x-access-token`, which GitHub takes."""
