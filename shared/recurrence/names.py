"""Which names are zones, and what was most likely meant by a name that is not one.

A zone is a name that the tz database lists, including links (`US/Pacific`). The database's folder
has more files that `ZoneInfo` would open: `localtime`, `Factory`, `posixrules`, and copies under
`posix/` and `right/`. A file system that ignores case would open `europe/berlin` too. So the list
decides.
"""

from __future__ import annotations

import difflib
import functools
import re
from zoneinfo import available_timezones

_NO_ZONES = {
    "localtime": "it is whatever a machine is set to",
    "factory": "it stands for a clock that nobody has set",
    "posixrules": "it is a file of the tz database",
}
"""Files that look like zones, by their names in lower case, and what they are."""
_OFFSET = re.compile(r"(?:utc|gmt)? ?(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?")
_SAMPLES = "such as Europe/Berlin"


@functools.cache
def known() -> frozenset[str]:
    """The name of every zone."""
    return frozenset(name for name in available_timezones() if name.lower() not in _NO_ZONES)


def unknown(name: object) -> str:
    """The error text for a person who gave this as the name of a zone."""
    if not isinstance(name, str) or not name:
        return f"give the name of an IANA zone, {_SAMPLES} or UTC"
    none = f"there is no zone {name[:60]!a}"
    wanted = name[:60].strip().replace(" ", "_").casefold()
    if wanted in _NO_ZONES:
        return f"{none}: {_NO_ZONES[wanted]}; give the IANA name, {_SAMPLES} or UTC"
    offset = _OFFSET.fullmatch(wanted.replace("_", " "))
    if offset is not None:
        return f"{none}; that is an offset; give a place, {_SAMPLES}{_always(offset)}"
    near = _near(wanted)
    hint = f"did you mean {near}?" if near else f"an IANA name is {_SAMPLES} or UTC"
    return f"{none}; {hint}"


def _always(offset: re.Match[str]) -> str:
    """The zone that has this offset all year, if there is one; the sign in its name is reversed."""
    ahead = int(offset["sign"] + offset["hours"])
    if int(offset["minutes"] or 0):
        return ""
    if ahead == 0:
        return ", or UTC"
    zone = f"Etc/GMT{-ahead:+}"
    return f", or {zone}, which is always UTC{ahead:+}" if zone in known() else ""


def _near(wanted: str) -> str | None:
    """The zone that was most likely meant; None for abbreviations (PST, IST), which are
    ambiguous."""
    wanted = wanted.removeprefix("posix/").removeprefix("right/")
    zones = _by_lower_name()
    if len(wanted) > 4 or wanted in zones:
        match = difflib.get_close_matches(wanted, zones, n=1, cutoff=0.75)
        return zones[match[0]] if match else None
    return None


@functools.cache
def _by_lower_name() -> dict[str, str]:
    """Every zone by its full name and by its city alone, in lower case."""
    zones = sorted(known())
    return {z.rpartition("/")[2].casefold(): z for z in zones} | {z.casefold(): z for z in zones}
