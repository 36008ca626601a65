"""Kinds of notifications. Each file here is one, and the file's name is the kind's name.

A file declares `KIND`: the channel, what the template is filled with, and a sample of it. The words
are in the languages' files.
"""

from __future__ import annotations

import functools
import pkgutil
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationInfo,
)

from shared.errors import Invalid
from shared.recurrence import zone
from shared.text import clean, cut, those, units

if TYPE_CHECKING:
    from shared.charts import Chart
    from shared.notifications.languages.language import Language

SMS = "sms"
MAIL = "mail"

NAME = 200
"""The longest name that is kept, in units of UTF-16."""
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
"""Controls and line breaks."""
_INVISIBLE = re.compile(r"[\xad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]+")
"""What turns the direction of the text around it, and what is not seen: in a text message, one such
character makes all of it UCS-2."""


def printable(text: str, longest: int = NAME) -> str:
    """Somebody else's text as one line: no control characters, composed (an umlaut of two
    characters would make a text message of UCS-2), and not longer than `longest`, of which three
    dots are a part."""
    composed = unicodedata.normalize("NFC", clean(text[: 4 * NAME]))
    line = " ".join(_INVISIBLE.sub("", _BREAKS.sub(" ", composed)).split())
    return line if units(line) <= longest else cut(line, longest - 3).rstrip() + "..."


def _printable(value: object, info: ValidationInfo) -> object:
    """`longest` of the context of a validation shortens all names."""
    longest = (info.context or {}).get("longest", NAME)
    return printable(value, longest) if isinstance(value, str) else value


def _timezone(name: str) -> str:
    try:
        zone.find(name)
    except Invalid as error:
        raise ValueError(error.message) from None
    return name


Name = Annotated[str, StringConstraints(min_length=1), BeforeValidator(_printable)]
"""A name, as somebody else wrote it: of a tenant, a pet, a partner."""
Timezone = Annotated[str, AfterValidator(_timezone)]
"""The name of a zone of IANA."""
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""A currency by ISO 4217, such as `EUR`."""


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
    """Values of `data`, for a preview, as JSON has them."""
    to_customers: bool = False
    """Whether it is a mail to addresses that customers' schedules name."""
    most_addresses: int = 20
    """How many addresses one such mail goes to."""
    own_words: bool = False
    """Whether customers write what it says: a project has a cap of its own for those
    (MAIL_DAILY_LIMIT)."""
    reply_to: Callable[[Any], str] = field(default=lambda _: "")
    """The address that answers to such a mail go to: (data) -> address; empty: the sender."""
    charts: Callable[[Any, Language], Mapping[str, Chart]] = field(default=lambda *_: {})
    """The charts that its HTML shows, by their content ids: (data, language) -> charts."""


@functools.cache
def names() -> tuple[str, ...]:
    """The names of all kinds."""
    return tuple(sorted(one.name for one in pkgutil.iter_modules(__path__)))


@functools.cache
def kind(name: str) -> Kind:
    """The kind of that name. Raises `Invalid`."""
    if name not in names():
        raise Invalid("kind", f"there is no kind {name!r} of notification; {those(names())}")
    found: Kind = import_module(f"{__name__}.{name}").KIND
    return found


def summary(name: str) -> str:
    """What the kind is for, in a line: the beginning of its file."""
    text = import_module(f"{__name__}.{name}").__doc__ or ""
    return " ".join(text.split("\n\n")[0].split())
