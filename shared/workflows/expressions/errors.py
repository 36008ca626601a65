"""What is wrong with an expression, and where in its text.

ExpressionError
├── Unreadable    its text is no expression, or one beyond the limits
├── Unevaluable   it has no value here: a name that is missing, a text plus a number
└── TooCostly     it takes too many steps, or its value is too large
"""

from __future__ import annotations

from shared.errors import BelfryError


class ExpressionError(BelfryError):
    """An expression is wrong. `column` counts from 1; `said` is the message without it."""

    permanent = True

    def __init__(self, column: int, said: str) -> None:
        super().__init__(f"column {column}: {said}")
        self.column = column
        self.said = said


class Unreadable(ExpressionError):
    """Its text is no expression; this is seen when a workflow is saved."""


class Unevaluable(ExpressionError):
    """It has no value, with these values of its names. `&&` and `||` may do without it."""


class TooCostly(ExpressionError):
    """It went beyond a limit; nothing may absorb that."""
