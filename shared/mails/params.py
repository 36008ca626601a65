"""What a schedule, or a step of a workflow, says of a mail. Pure."""

from __future__ import annotations

import json
import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from shared.schedules.job import SCHEDULE_ID
from shared.tasks.customers import CustomerParams, MailAddress

MOST_ADDRESSES = 50
MOST_BYTES = 24_000
"""Of subject and text together as JSON, which is how the outbox keeps them."""
_JOB = rf"{SCHEDULE_ID}-[0-9]{{8}}T[0-9]{{6}}Z(?:-[a-z0-9]{{1,40}})?"
_EXPORT = rf"^(?:(?:all|[0-9]{{1,18}})\.{_JOB}\.[0-9]{{1,4}}|{_JOB})$"
_BREAK = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _line(value: str) -> str:
    """A header is one line: a line break in it would begin another header."""
    if _BREAK.search(value):
        raise ValueError("give one line, without control characters")
    if not value.strip():
        raise ValueError("give at least one word")
    return value.strip()


def _words(value: str) -> str:
    if not value.strip():
        raise ValueError("give at least one word")
    return value


class MailParams(CustomerParams):
    """A mail of the customer's own words."""

    to: Annotated[list[MailAddress], Field(min_length=1, max_length=MOST_ADDRESSES)]
    """Who gets it: each address a mail of its own, so that none sees another's."""
    subject: Annotated[str, StringConstraints(max_length=150), AfterValidator(_line)] = Field(
        examples=["Welcome to Example"]
    )
    """What it is about, in one line."""
    text: Annotated[str, StringConstraints(max_length=20_000), AfterValidator(_words)] = Field(
        examples=["Hello Ana,\n\nyour account is ready: https://app.example.com"]
    )
    """Plain text: an empty line begins a paragraph, and URLs become links. No HTML, no Markdown."""
    reply_to: MailAddress | None = None
    """Where answers go; default: Belfry's sender (MAIL_FROM)."""
    attach_export: Annotated[str, StringConstraints(pattern=_EXPORT)] | None = Field(
        default=None, examples=["7.mondays-20261130T060000Z.1"]
    )
    """A file of the project that the task `export` wrote, by its id (`export_id` of the job's
    result) or by that job's id: the mail has a link to it."""
    link_hours: Annotated[int, Field(ge=1, le=168)] = 72
    """How long that link works."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        size = len(json.dumps([self.subject, self.text]))
        if size > MOST_BYTES:
            raise ValueError(f"text: with the subject it has {size:,} bytes; {MOST_BYTES:,} fit")
        return self
