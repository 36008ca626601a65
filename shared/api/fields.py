"""The base of input models, which refuses fields that cannot be stored; field types that several
models share."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated
from unicodedata import category

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    field_validator,
)

from shared.recurrence import zone
from shared.recurrence.rule import MOST_EXPRESSIONS
from shared.text import depth, refuse_unclean

JSON_LIMIT = 30_000
"""A property of a table holds 32,000 characters. JSON is stored in ASCII, an emoji as 12."""


def _one_line(text: str) -> str:
    if any(category(letter) in ("Cc", "Zl", "Zp") for letter in text):
        raise ValueError("it holds a control character, such as a line break")
    return text


def _trimmed(name: str) -> str:
    if name != name.strip():
        raise ValueError("it begins or ends with a space")
    return name


def _known(name: str) -> str:
    zone.find(name)
    return name


def _written(value: object) -> object:
    """Refuse numbers, even as text: pydantic would take them for seconds since 1970."""
    if value is not None and not (isinstance(value, str) and _INSTANT.match(value)):
        raise ValueError("give a time with its offset, such as 2030-01-31T09:00:00Z")
    return value


def formed(pattern: str, said: str) -> AfterValidator:
    """Refuse a text that does not match the whole pattern, with words rather than the pattern."""
    form = re.compile(pattern, re.ASCII)

    def check(text: str) -> str:
        if not form.fullmatch(text):
            raise ValueError(said)
        return text

    return AfterValidator(check)


LOCAL_PATTERN = r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d", re.ASCII)


def _local(value: object) -> object:
    if value is not None and not (isinstance(value, str) and _LOCAL.fullmatch(value)):
        raise ValueError(
            "give a time without an offset, such as 2030-01-31T09:00:00; the clocks are those of "
            "timezone"
        )
    return value


_LOCAL = re.compile(LOCAL_PATTERN, re.ASCII)

Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_one_line),
]
_TagName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100),
    AfterValidator(_one_line),
    AfterValidator(_trimmed),
]
_TagValue = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_one_line)
]
Tags = Annotated[dict[_TagName, _TagValue], Field(max_length=50)]
"""Tags: names with values, such as `{"team": "backend"}`."""
Whole = Annotated[int, Field(strict=True)]
"""An integer; text and true are refused."""
Instant = Annotated[datetime, BeforeValidator(_written)]
LocalTime = Annotated[
    datetime,
    BeforeValidator(_local),
    WithJsonSchema({"type": "string", "pattern": f"^{LOCAL_PATTERN}$"}),
]
"""What clocks show, without an offset."""
Cron = Annotated[str, StringConstraints(max_length=200)]
"""Minute, hour, day of month, month, day of week; the recurrence checks what it means."""
Crons = Annotated[list[Cron], Field(max_length=MOST_EXPRESSIONS)]
Zone = Annotated[
    str,
    StringConstraints(max_length=100),
    AfterValidator(_known),
    Field(json_schema_extra={"minLength": 1}),
]
"""The name of an existing IANA zone."""
_URL = "https?://[!-~]+"
HeartbeatUrl = Annotated[
    str,
    Field(max_length=500, json_schema_extra={"pattern": f"^{_URL}$"}),
    formed(_URL, "give a URL such as https://hc-ping.com/your-uuid"),
]
"""The URL of a check outside; `outgoing.target` says where it may lead."""
ProjectId = Annotated[int, Field(strict=True, ge=0, le=2**63 - 1)]


class Input(BaseModel):
    """What the API takes. Unknown fields are refused by name, and so is what cannot be stored."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _can_be_kept(cls, value: object) -> object:
        if depth(value) > _DEEPEST:
            raise ValueError(f"more than {_DEEPEST} lists and objects stand in each other")
        refuse_unclean(value)
        return value


_DEEPEST = 100
"""pydantic, which writes the value for readers, takes 255."""
