"""`--as-of`: the instant by which a task that is run by hand counts as due."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from shared.errors import Invalid
from shared.recurrence import zone

FLAG = "--as-of"

_FORM = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"(?:[Tt ](?P<time>\d\d:\d\d(?::\d\d)?)(?P<zone>[Zz]|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_YEARS = range(1970, 9001)
"""Before 1970 no job can be due; after 9000 no zone can be computed."""


def read(text: str, zone_name: str) -> datetime:
    """The instant, in UTC. Raises `Invalid`.

    `text` is a day (its midnight), or a day and a time, to the second, with or without an offset.
    Without one, it is in the zone of that name.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise Invalid(
            FLAG, f"{text!r:.60} is no instant; write 2026-12-01T06:00:00-05:00, or a day"
        )
    try:
        at = datetime.fromisoformat(f"{found['day']}T{found['time'] or '00:00'}")
        offset = found["zone"]
        if offset is not None:
            at = datetime.fromisoformat(f"{at.isoformat()}{offset.upper()}")
    except ValueError as error:
        raise Invalid(FLAG, f"{text!r:.60} is no instant: {error}") from None
    if at.year not in _YEARS:
        raise Invalid(FLAG, f"give a year from {_YEARS[0]} to {_YEARS[-1]}")
    return (_local(at, zone_name) if at.tzinfo is None else at).astimezone(UTC)


def _local(wall: datetime, name: str) -> datetime:
    """The instant at which clocks in the zone show that. Raises `Invalid` if they never do, or
    twice, as when they are put forward or back."""
    at = zone.find(name)
    found = zone.instants(wall, at)
    if not found:
        text = f"clocks in {name} are put forward over {wall.isoformat()}; give another time"
        raise Invalid(FLAG, text)
    if len(found) > 1:
        both = " or ".join(one.astimezone(at).isoformat() for one in found)
        raise Invalid(FLAG, f"clocks in {name} show {wall.isoformat()} twice; give {both}")
    return found[0]
