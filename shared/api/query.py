"""Query parameters: refuses unknown ones, and reads the types that several routes take."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BeforeValidator, Field, WithJsonSchema

from shared.api import tags
from shared.api.fields import formed
from shared.errors import Invalid
from shared.schedules.job import SCHEDULE_ID

_KEY = "code"
"""The function key may be in the query, under this name; the host does not remove it."""
_YEARS = range(1900, 9001)
_INSTANT = (
    "^(19[0-9]{2}|[2-8][0-9]{3}|9000)-[0-9]{2}-[0-9]{2}"
    "[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
)
InstantText = Annotated[
    str, WithJsonSchema({"type": "string", "format": "date-time", "pattern": _INSTANT})
]
"""A text that `instant` reads."""

_DAY = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
DayText = Annotated[str, WithJsonSchema({"type": "string", "format": "date", "pattern": _DAY})]
"""A text that `day` reads."""


def _boolean(text: object) -> bool:
    if str(text).lower() not in ("true", "false"):
        raise ValueError("give true or false")
    return str(text).lower() == "true"


Boolean = Annotated[bool, BeforeValidator(_boolean)]
"""`true` or `false`; in any case, since clients in Python write `True`."""


def _whole(text: object) -> object:
    if isinstance(text, str) and not re.fullmatch("-?[0-9]+", text):
        raise ValueError("give a whole number, such as 10")
    return text


DIGITS = BeforeValidator(_whole)
"""Only digits, and no other text that Python takes for a number, such as `1_0`. Limits stand before
it (`Annotated[int, Field(ge=1), DIGITS]`): the description would not have them otherwise."""
Number = Annotated[int, DIGITS]


ScheduleId = Annotated[
    str,
    Field(json_schema_extra={"pattern": f"^{SCHEDULE_ID}$"}),
    formed(SCHEDULE_ID, "it is no id of a schedule; GET /api/v1/schedules lists them"),
]
"""The id of a schedule. Other text is refused before it reaches a query of the table."""


def known_only(request: Request) -> None:
    """Refuse parameters that the route does not take, or that are given twice: such a filter would
    otherwise have no effect.

    This is a dependency of the whole API. A route takes the parameters that its function declares.
    """
    dependant = request.scope["route"].dependant
    known = [str(one.alias) for one in dependant.query_params]
    tagged = any(one.call is tags.wanted for one in dependant.dependencies)
    known += [f"{tags.PREFIX}NAME"] if tagged else []
    said = f"the parameters here are: {', '.join(known)}" if known else "there is none here"
    given = Counter(name for name, _ in request.query_params.multi_items())
    wrong: list[dict[str, Any]] = []
    for name, times in given.items():
        if name not in known and name != _KEY and not (tagged and name.startswith(tags.PREFIX)):
            wrong.append(_wrong(name, f"no such parameter; {said}"))
        elif times > 1:
            wrong.append(_wrong(name, "given twice, and only the last would count; give it once"))
    if wrong:
        raise RequestValidationError(wrong)


def _wrong(name: str, message: str) -> dict[str, Any]:
    return {"loc": ("query", name), "msg": message, "type": "extra_forbidden"}


def instant(field: str, text: str | None) -> datetime | None:
    """Read an instant in a query. Raises `Invalid`."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(field, _no_instant(text)) from None
    if re.match(_DAY, text):
        raise Invalid(field, f"give an instant, such as {text}T00:00:00Z")
    if at.utcoffset() is None:
        raise Invalid(field, "give its offset as well, such as 2030-01-31T09:00:00Z")
    if at.year not in _YEARS:
        raise Invalid(field, f"give a year from {_YEARS[0]} to {_YEARS[-1]}")
    if not re.match(_INSTANT, text):
        raise Invalid(field, _no_instant(text))
    return at


def day(field: str, text: str) -> date:
    """Read a day in a query or a path. Raises `Invalid`."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or not re.match(_DAY, text):
        raise Invalid(field, f"{text!r:.60} is no day such as 2030-01-31")
    return found


def _no_instant(text: str) -> str:
    return f"{text!r:.60} is no instant such as 2030-01-31T09:00:00Z (a + is %2B in a URL)"
