"""What functions and methods do. Each raises `NoValue` where CEL has an error."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from shared.workflows.expressions.operators import NoValue, whole
from shared.workflows.expressions.values import NoText, instant, kind, span, written

_TRUE = ("true", "True", "TRUE", "t", "1")
_FALSE = ("false", "False", "FALSE", "f", "0")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = 20


def size(value: object) -> int:
    """Characters of a text, items of a list, names of a map."""
    if isinstance(value, str | list | tuple | Mapping):
        return len(value)
    raise NoValue(f"size({kind(value)}): only a text, a list or a map has one")


def to_int(value: object) -> int:
    """Doubles are cut towards zero; an instant gives its seconds since 1970."""
    if isinstance(value, str):
        text = value.strip() if len(value) <= _DIGITS else value
        digits = text[1:] if text[:1] in ("-", "+") else text
        if text == value and digits.isascii() and digits.isdigit() and len(text) <= _DIGITS:
            return whole(int(value))
        raise NoValue(f"int({value!r:.60}): the text is no whole number")
    if type(value) is int:
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return whole(math.trunc(value))
        raise NoValue(f"int({value}): it is no whole number")
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(seconds=1)
    raise _wrong("int", value)


def to_double(value: object) -> float:
    if type(value) is int or isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        try:
            if len(value) <= 40 and value.isascii() and not set(value) & set("_ \t\r\n"):
                return float(value)
        except ValueError:
            pass
        raise NoValue(f"double({value!r:.60}): the text is no number")
    raise _wrong("double", value)


def to_string(value: object) -> str:
    try:
        return written(value)
    except NoText:
        raise _wrong("string", value) from None


def to_bool(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in (*_TRUE, *_FALSE):
        return value in _TRUE
    if isinstance(value, str):
        raise NoValue(f"bool({value!r:.60}): the text is neither true nor false")
    raise _wrong("bool", value)


def to_timestamp(value: object) -> datetime:
    """A text in RFC 3339, or seconds since 1970."""
    if isinstance(value, datetime):
        return value
    try:
        if type(value) is int:
            return _EPOCH + timedelta(seconds=value)
        if isinstance(value, str):
            return instant(value)
    except NoText as error:
        raise NoValue(f"timestamp(): {error}") from None
    except OverflowError:
        raise NoValue("the instant is not in the years 1 to 9999") from None
    raise _wrong("timestamp", value)


def to_duration(value: object) -> timedelta:
    """A text such as `1h30m`."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        try:
            return span(value)
        except NoText as error:
            raise NoValue(f"duration(): {error}") from None
    raise _wrong("duration", value)


def _of_texts(name: str, ask: Callable[[str, str], bool]) -> Callable[[object, object], bool]:
    def asked(text: object, part: object) -> bool:
        if isinstance(text, str) and isinstance(part, str):
            return ask(text, part)
        raise NoValue(f"{kind(text)}.{name}({kind(part)}): both must be texts{_in(text, name)}")

    return asked


def _in(text: object, name: str) -> str:
    is_list = isinstance(text, list | tuple) and name == "contains"
    return "; write `x in list` for a list" if is_list else ""


def _wrong(name: str, value: object) -> NoValue:
    return NoValue(f"{name}({kind(value)}): it cannot be converted")


FUNCTIONS: Mapping[str, Callable[..., object]] = {
    "size": size,
    "int": to_int,
    "double": to_double,
    "string": to_string,
    "bool": to_bool,
    "timestamp": to_timestamp,
    "duration": to_duration,
    "contains": _of_texts("contains", lambda text, part: part in text),
    "startsWith": _of_texts("startsWith", str.startswith),
    "endsWith": _of_texts("endsWith", str.endswith),
}
