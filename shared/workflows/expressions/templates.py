"""Expressions within texts: `${{ trigger.email }}`.

A text that is one expression alone has its value, of any type. In any other text, each expression
stands for its value as text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from shared.workflows.expressions.errors import ExpressionError, TooCostly, Unreadable
from shared.workflows.expressions.evaluating import Evaluation
from shared.workflows.expressions.expression import Expression, parse
from shared.workflows.expressions.lexing import Kind, next_token
from shared.workflows.expressions.limits import RESULT
from shared.workflows.expressions.values import as_text

_OPEN, _CLOSE = "${{", "}}"

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """An expression within a text. `at`: how many characters stand before it."""

    expression: Expression
    at: int


@dataclass(frozen=True, slots=True)
class Found:
    """A text in JSON that holds an expression: where it is, and the expression or what is wrong."""

    place: Place
    expression: Expression | None
    wrong: ExpressionError | None = None


def resolve(parameters: Any, values: Mapping[str, object]) -> Any:
    """JSON with its expressions replaced by their values. Names in objects stay as they are.

    Raises `Unevaluable`, `TooCostly`, with the column within the text, and `Unreadable`.
    """
    return _Resolving(values).value(parameters)


def expressions_in(parameters: Any, place: Place = ()) -> Iterator[Found]:
    """Each expression in JSON, also those that cannot be read."""
    if isinstance(parameters, Mapping):
        for name, one in parameters.items():
            yield from expressions_in(one, (*place, str(name)))
    elif isinstance(parameters, list | tuple):
        for number, one in enumerate(parameters):
            yield from expressions_in(one, (*place, number))
    elif isinstance(parameters, str):
        try:
            parts = split(parameters)
        except ExpressionError as error:
            yield Found(place, None, error)
            return
        yield from (Found(place, one.expression) for one in parts if isinstance(one, _Part))


class _Resolving:
    """One resolution, with what all its expressions share: steps, and room for what they give."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values
        self._evaluation = Evaluation()
        self._left = RESULT

    def value(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: self.value(one) for name, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(one) for one in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> Any:
        parts = split(text)
        if len(parts) == 1 and isinstance(parts[0], _Part):
            return self._evaluated(parts[0])
        return "".join(
            one if isinstance(one, str) else as_text(self._evaluated(one)) for one in parts
        )

    def _evaluated(self, part: _Part) -> object:
        """The value; an error's column counts in the whole text."""
        try:
            found = part.expression.within(self._evaluation, self._values)
        except ExpressionError as error:
            raise type(error)(part.at + error.column, error.said) from None
        self._left -= len(as_text(found))
        if self._left < 0:
            raise TooCostly(
                part.at + 1, f"together, the values have more than {RESULT:,} characters"
            )
        return found


@lru_cache(maxsize=2048)
def split(text: str) -> tuple[str | _Part, ...]:
    """The text as plain texts and expressions. Raises `Unreadable`."""
    parts: list[str | _Part] = []
    at = 0
    while (found := text.find(_OPEN, at)) >= 0:
        if found > at:
            parts.append(text[at:found])
        first = found + len(_OPEN)
        end = _end(text, first)
        try:
            parts.append(_Part(parse(text[first:end]), first))
        except Unreadable as error:
            raise Unreadable(first + error.column, error.said) from None
        at = end + len(_CLOSE)
    if at < len(text):
        parts.append(text[at:])
    return tuple(parts)


def _end(text: str, at: int) -> int:
    """Where the `}}` of an expression stands: not in a text, and not one that closes a map."""
    first, depth = at, 0
    while True:
        token, end = next_token(text, at)
        if token.kind is Kind.END:
            raise Unreadable(
                first - len(_OPEN) + 1, "${{ is never closed; write }} after the expression"
            )
        if token.text == "}" and token.kind is Kind.SIGN:
            if depth == 0 and text.startswith(_CLOSE, token.at - 1):
                return token.at - 1
            depth -= 1
        depth += token.text == "{" and token.kind is Kind.SIGN
        at = end
