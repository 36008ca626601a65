"""What operators do. Each raises `NoValue` where CEL has an error."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from shared.workflows.expressions.values import is_number, kind

_LARGEST = 2**63 - 1
_ORDERED = ("bool", "string", "timestamp", "duration")


class NoValue(ValueError):
    """There is no such value; the message says why, and what to write."""


def equal(left: object, right: object, spend: Callable[[int], None]) -> bool:
    """Deep equality; values of two types are not equal, but 1 and 1.0 are. `spend` is told of each
    part that is compared."""
    spend(1)
    if is_number(left) and is_number(right):
        return left == right
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        same = len(left) == len(right)
        return same and all(equal(a, b, spend) for a, b in zip(left, right, strict=True))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(
            equal(one, right[name], spend) for name, one in left.items()
        )
    return kind(left) == kind(right) and left == right


def compare(sign: str, left: object, right: object) -> bool:
    """`<`, `<=`, `>` or `>=`."""
    numbers = is_number(left) and is_number(right)
    if not numbers and not (kind(left) == kind(right) and kind(left) in _ORDERED):
        raise NoValue(
            f"{kind(left)} {sign} {kind(right)}: these cannot be compared{_hint(left, right)}"
        )
    a, b = _any(left), _any(right)
    match sign:
        case "<":
            return bool(a < b)
        case "<=":
            return bool(a <= b)
        case ">":
            return bool(a > b)
    return bool(a >= b)


def _any(value: object) -> float:
    """Only for the types: what can be compared with what is known here already."""
    return value  # type: ignore[return-value]


def arithmetic(sign: str, left: object, right: object) -> object:
    """`+`, `-`, `*`, `/` or `%`."""
    if type(left) is int and type(right) is int:
        return whole(_WHOLE[sign](left, right))
    if isinstance(left, float) and isinstance(right, float) and sign in _DOUBLE:
        return _DOUBLE[sign](left, right)
    if sign == "+" and isinstance(left, str) and isinstance(right, str):
        return left + right
    if sign == "+" and isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return [*left, *right]
    if sign in "+-" and isinstance(left, datetime | timedelta):
        return _time(sign, left, right)
    if sign == "+" and isinstance(right, datetime) and isinstance(left, timedelta):
        return _time(sign, right, left)
    raise NoValue(
        f"{kind(left)} {sign} {kind(right)}: there is no such operation{_hint(left, right)}"
    )


def negative(value: object) -> object:
    """`-a`."""
    if isinstance(value, float):
        return -value
    if type(value) is int:
        return whole(-value)
    raise NoValue(f"-{kind(value)}: only a number has a negative")


def whole(value: int) -> int:
    """The int, if 64 bits hold it."""
    if not -_LARGEST - 1 <= value <= _LARGEST:
        raise NoValue("the number does not fit into 64 bits")
    return value


def _time(sign: str, left: datetime | timedelta, right: object) -> object:
    try:
        if isinstance(right, timedelta):
            return left + right if sign == "+" else left - right
        if isinstance(left, timedelta) and isinstance(right, datetime) and sign == "+":
            return right + left
        if isinstance(left, datetime) and isinstance(right, datetime) and sign == "-":
            return left - right
    except OverflowError:
        raise NoValue("the instant is not in the years 1 to 9999") from None
    raise NoValue(
        f"{kind(left)} {sign} {kind(right)}: there is no such operation{_hint(left, right)}"
    )


def _divided(left: int, right: int) -> int:
    """Towards zero, as CEL does."""
    if right == 0:
        raise NoValue("division by zero")
    found = abs(left) // abs(right)
    return found if (left < 0) == (right < 0) else -found


def _rest(left: int, right: int) -> int:
    return left - right * _divided(left, right)


def _ratio(left: float, right: float) -> float:
    """By IEEE 754: a double may be divided by zero."""
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1, right)


_WHOLE: Mapping[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divided,
    "%": _rest,
}
_DOUBLE: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _ratio,
}


def _hint(left: object, right: object) -> str:
    kinds = {kind(left), kind(right)}
    if kinds == {"int", "double"}:
        return "; write double(...) around the int"
    if "string" in kinds and kinds & {"int", "double", "bool", "timestamp", "duration"}:
        return "; write string(...) around the other, or convert the text"
    if "null" in kinds:
        return "; ask has(...) or != null first"
    return ""
