"""What the parameters of all tasks that customers may schedule have in common (C12)."""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from shared.tasks.model import Flag, Params

ID = "[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
"""The form of a resource's id."""
_MAIL = re.compile(r"[^\s@<>,;:\"]{1,64}@[^\s@<>,;:\"]{1,255}\.[^\s@<>,;:\"]{1,63}")


def _id(value: object) -> object:
    """An id as text. Numbers are ids too: scripts know the old ones."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


def _is_id(value: str) -> str:
    if not re.fullmatch(ID, value):
        raise ValueError("give an id: 1 to 64 letters, digits, - and _, or a whole number")
    return value


ResourceId: TypeAlias = Annotated[
    str,
    BeforeValidator(_id),
    AfterValidator(_is_id),
    Field(examples=[15]),
    WithJsonSchema({"type": ["string", "integer"], "pattern": f"^{ID}$", "minimum": 0}),
]
"""The id of a webhook, a repository or a target: text, or a number, which is the same as its
digits."""


def _is_mail(value: str) -> str:
    if not _MAIL.fullmatch(value):
        raise ValueError("give an address such as team@example.com")
    return value


MailAddress: TypeAlias = Annotated[
    str, AfterValidator(_is_mail), Field(json_schema_extra={"format": "email"})
]


class CustomerParams(Params):
    """The base of the parameters of each task that customers may schedule."""

    notify_on_completion: Flag = False
    """Whether a mail says how each run ended."""
    notification_emails: list[MailAddress] = Field(default_factory=list, max_length=20)
    """Whom that mail goes to; nobody else gets it."""
