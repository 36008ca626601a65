"""Expressions in workflows: a bounded subset of CEL (docs/workflows.md). Pure.

https://github.com/google/cel-spec/blob/master/doc/langdef.md

An evaluator of our own, because each step of an evaluation must be counted: people of many tenants
write expressions, and one worker evaluates them for all. Nothing here loops without a list that
was given, and every limit is in `limits`.
"""

from shared.workflows.expressions.errors import (
    ExpressionError,
    TooCostly,
    Unevaluable,
    Unreadable,
)
from shared.workflows.expressions.expression import Expression, parse
from shared.workflows.expressions.templates import Found, expressions_in, resolve

__all__ = [
    "Expression",
    "ExpressionError",
    "Found",
    "TooCostly",
    "Unevaluable",
    "Unreadable",
    "expressions_in",
    "parse",
    "resolve",
]
