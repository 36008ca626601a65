"""The values of expressions: JSON, instants and durations.

| type | in Python |
|---|---|
| null, bool, string | `None`, `bool`, `str` |
| int, double | `int` of 64 bits, `float` |
| list, map | `list` or `tuple`, a `Mapping` with texts as keys |
| timestamp, duration | `datetime` with a zone, `timedelta` |
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from shared.workflows.expressions.limits import RESULT, VALUES_DEEP

_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DURATION = re.compile(r"(-?)((?:\d{1,12}(?:\.\d{1,9})?(?:h|ms|us|ns|m|s))+)", re.ASCII)
_PART = re.compile(r"(\d+)(?:\.(\d+))?(h|ms|us|ns|m|s)", re.ASCII)
_NANOSECONDS = {
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "ns": 1,
}
_LONGEST = 315_576_000_000
"""Seconds of the longest duration, by protobuf's Duration."""


class NoText(ValueError):
    """A value cannot be written, or a text cannot be read; the message says why."""


def kind(value: object) -> str:
    """The name of its type, for messages."""
    for name, types in _KINDS.items():
        if isinstance(value, types):
            return name
    return "null" if value is None else type(value).__name__


_KINDS: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "double": (float,),
    "string": (str,),
    "list": (list, tuple),
    "map": (Mapping,),
    "timestamp": (datetime,),
    "duration": (timedelta,),
}


def is_number(value: object) -> bool:
    """Whether it is an int or a double; a bool is neither."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def instant(text: str) -> datetime:
    """An instant in RFC 3339; digits beyond microseconds are cut. Raises `NoText`."""
    match = _INSTANT.fullmatch(text)
    said = f"{text!r:.60} is no instant in RFC 3339, such as 2030-12-24T18:00:00Z"
    if match is None:
        raise NoText(said)
    day, clock, fraction, zone = match.groups()
    offset = "+00:00" if zone in "Zz" else zone
    try:
        made = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0')[:6]:0<6}{offset}")
        return made.astimezone(UTC)
    except (ValueError, OverflowError):
        raise NoText(said) from None


def span(text: str) -> timedelta:
    """A duration such as `1h30m` or `-2.5s`. Raises `NoText`."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise NoText(
            f"{text!r:.60} is no duration, such as 90s, 1h30m or 250ms; the units are h, m, s, ms"
        )
    total = 0
    for whole, fraction, unit in _PART.findall(match[2]):
        size = _NANOSECONDS[unit]
        total += int(whole) * size
        total += int(fraction or "0") * size // 10 ** len(fraction)
    if total > _LONGEST * _NANOSECONDS["s"]:
        raise NoText(f"{text!r:.60} is longer than 10,000 years")
    made = timedelta(microseconds=total // 1000)
    return -made if match[1] else made


def written(value: object) -> str:
    """A plain value as text, as `string(...)` and interpolation have it. Raises `NoText`."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _double(value)
        case datetime():
            return instant_text(value)
        case timedelta():
            return span_text(value)
    raise NoText(f"a {kind(value)} has no text of its own")


def instant_text(value: datetime) -> str:
    """In RFC 3339, in UTC; fractions only if there are any."""
    text = value.astimezone(UTC).replace(tzinfo=None).isoformat()
    return f"{text.rstrip('0') if '.' in text else text}Z"


def span_text(value: timedelta) -> str:
    """In seconds: `90s`, `-0.25s`."""
    microseconds = value // timedelta(microseconds=1)
    whole, rest = divmod(abs(microseconds), 1_000_000)
    fraction = f".{rest:06}".rstrip("0") if rest else ""
    return f"{'-' if microseconds < 0 else ''}{whole}{fraction}s"


def _double(value: float) -> str:
    """As short as possible: 3, 2.5, 1e+21."""
    if value.is_integer() and abs(value) < 1e21:
        return "-0" if value == 0 and str(value).startswith("-") else str(int(value))
    return repr(value)


def plain(value: object) -> object:
    """The value as JSON: instants and durations are texts. Raises `NoText` if it is too large, too
    deep, or a number that JSON does not have."""
    left = [RESULT]
    return _plain(value, 0, left)


def _plain(value: object, deep: int, left: list[int]) -> object:
    """`left[0]`: how many characters more there may be. It is counted before a part is made,
    because one part may stand in many places."""
    if deep > VALUES_DEEP:
        raise NoText(f"the value is more than {VALUES_DEEP} lists and maps deep")
    if isinstance(value, Mapping):
        return _object(value, deep, left)
    if isinstance(value, list | tuple):
        _take(left, 2 + len(value))
        return [_plain(one, deep + 1, left) for one in value]
    if isinstance(value, datetime | timedelta):
        value = written(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise NoText(f"the value is {value}, which JSON does not have")
    _take(left, len(value) + 2 if isinstance(value, str) else len(str(value)))
    return value


def _object(value: Mapping[str, object], deep: int, left: list[int]) -> dict[str, object]:
    _take(left, 2 + 4 * len(value))
    made: dict[str, object] = {}
    for name, one in value.items():
        _take(left, len(name))
        made[name] = _plain(one, deep + 1, left)
    return made


def _take(left: list[int], size: int) -> None:
    left[0] -= size
    if left[0] < 0:
        raise NoText(f"the value has more than {RESULT:,} characters as JSON")


def as_text(value: object) -> str:
    """A JSON value within a text: texts as they are, lists and maps as JSON, null as nothing."""
    if value is None:
        return ""
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return written(value)
