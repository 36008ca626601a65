"""Kinds of notifications. Each file here is one, and the file's name is the kind's name.

A file declares `KIND`: the channel, what the template is filled with, and a sample of it. The words
are in the languages' files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


class Data(BaseModel):
    """The base of every kind's data: what its template is filled with."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A kind of notification."""

    channel: str
    """`sms` or `mail`."""
    data: type[Data]
    sample: Mapping[str, object]
    """Values of `data`, for a preview."""
