"""The text of an expression, as tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from shared.workflows.expressions.errors import Unreadable


class Kind(StrEnum):
    """What a token is."""

    INT = "int"
    DOUBLE = "double"
    STRING = "string"
    NAME = "name"
    SIGN = "sign"
    """An operator, a bracket, or a comma."""
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A token. `at` is its column, from 1 on."""

    kind: Kind
    text: str
    at: int
    value: object = None
    """Of a literal."""


_BLANK = re.compile(r"(?:\s+|//[^\n]*)+")
_NUMBER = re.compile(
    r"(?P<double>\d+\.\d+(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+|\.\d+(?:[eE][-+]?\d+)?)"
    r"|(?P<hex>0[xX][0-9a-fA-F]+)|(?P<int>\d+)",
    re.ASCII,
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SIGN = re.compile(r"&&|\|\||[=!<>]=|[-+*/%!<>?:.,()\[\]{}]")
_ESCAPE = re.compile(
    r"\\(?:(?P<plain>[abfnrtv\\\"'`?])|x(?P<byte>[0-9a-fA-F]{2})|u(?P<four>[0-9a-fA-F]{4})"
    r"|U(?P<eight>[0-9a-fA-F]{8})|(?P<octal>[0-3][0-7]{2}))"
)
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_QUOTES = "\"'"
_INSTEAD = {
    "=": "compare with ==",
    "&": "write && for and",
    "|": "write || for or",
    "$": "${{ }} stands around an expression, not in it",
    ";": "an expression is one value, not statements",
}


def tokens(text: str, first: int = 0) -> list[Token]:
    """The tokens from that place on, with one of kind `END` at the end. Raises `Unreadable`."""
    found: list[Token] = []
    at = first
    while True:
        token, at = next_token(text, at)
        found.append(token)
        if token.kind is Kind.END:
            return found


def next_token(text: str, at: int) -> tuple[Token, int]:
    """(the token at that place or after blanks, where it ends). Raises `Unreadable`."""
    blank = _BLANK.match(text, at)
    at = at if blank is None else blank.end()
    if at >= len(text):
        return Token(Kind.END, "", at + 1), at
    if text[at] in _QUOTES:
        return _string(text, at)
    if (number := _NUMBER.match(text, at)) is not None:
        return _number(text, number), number.end()
    for kind, pattern in ((Kind.NAME, _NAME), (Kind.SIGN, _SIGN)):
        if (match := pattern.match(text, at)) is not None:
            return Token(kind, match[0], at + 1), match.end()
    hint = _INSTEAD.get(text[at], "names are ASCII letters, digits and _; texts stand in quotes")
    raise Unreadable(at + 1, f"{text[at]!r} cannot stand here; {hint}")


def _number(text: str, match: re.Match[str]) -> Token:
    at = match.start() + 1
    after = text[match.end() : match.end() + 1]
    if after in ("u", "U"):
        raise Unreadable(at, "unsigned numbers are left out; write it without the u")
    if after and (after.isalnum() or after == "_"):
        raise Unreadable(at, f"{match[0] + after!r:.30} is neither a number nor a name")
    if match["double"] is not None:
        return Token(Kind.DOUBLE, match[0], at, float(match[0]))
    if len(match[0]) > 20:
        raise Unreadable(at, "the number does not fit into 64 bits")
    value = int(match[0], 16) if match["hex"] is not None else int(match[0])
    return Token(Kind.INT, match[0], at, value)


def _string(text: str, first: int) -> tuple[Token, int]:
    quote, at = text[first], first + 1
    parts: list[str] = []
    while True:
        if at >= len(text) or text[at] == "\n":
            raise Unreadable(first + 1, f"the text does not end; close it with {quote}")
        if text[at] == quote:
            break
        if text[at] == "\\":
            part, at = _escaped(text, at)
        else:
            part, at = text[at], at + 1
        parts.append(part)
    return Token(Kind.STRING, text[first : at + 1], first + 1, "".join(parts)), at + 1


def _escaped(text: str, at: int) -> tuple[str, int]:
    match = _ESCAPE.match(text, at)
    if match is None:
        said = "no such escape; there are \\n, \\t, \\\\, \\\", \\' and \\u followed by 4 digits"
        raise Unreadable(at + 1, said)
    if match["plain"] is not None:
        return _PLAIN.get(match["plain"], match["plain"]), match.end()
    digits = match["byte"] or match["four"] or match["eight"]
    number = int(match["octal"], 8) if digits is None else int(digits, 16)
    if number > 0x10FFFF or 0xD800 <= number < 0xE000:
        raise Unreadable(at + 1, "that is no character of Unicode")
    return chr(number), match.end()
