"""Computes what a definition leaves to a run: its expressions, with what the run knows by now."""

from __future__ import annotations

from collections.abc import Mapping

from shared.workflows.expressions import ExpressionError, parse, resolve


class Wrong(Exception):
    """It has no value: the step fails, and this says why."""


def choice(text: str, values: Mapping[str, object]) -> bool:
    """A `when`. Raises `Wrong`."""
    try:
        return parse(text).decide(values)
    except ExpressionError as error:
        raise Wrong(f"when: {error}") from None


def some(text: str, values: Mapping[str, object], most: int) -> list[object]:
    """The items of a `foreach`. Raises `Wrong`."""
    try:
        found = parse(text).evaluate(values)
    except ExpressionError as error:
        raise Wrong(f"foreach: {error}") from None
    if not isinstance(found, list):
        raise Wrong("foreach: give an expression that is a list")
    if len(found) > most:
        raise Wrong(f"foreach: the list has {len(found)} items; {most} is the most")
    return found


def parameters(given: Mapping[str, object], values: Mapping[str, object]) -> dict[str, object]:
    """The parameters of a call. Raises `Wrong`."""
    try:
        return dict(resolve(given, values))
    except ExpressionError as error:
        raise Wrong(f"parameters: {error}") from None
