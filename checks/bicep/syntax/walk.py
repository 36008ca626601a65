"""Goes through an expression, part by part."""

from collections.abc import Iterator
from dataclasses import fields

from checks.bicep.syntax import tree


def parts(of: object) -> Iterator[tree.Expression]:
    """The expression and every expression in it, the outer ones first."""
    if isinstance(of, tuple):
        for one in of:
            yield from parts(one)
    elif isinstance(of, tree.Node | tree.Property | tree.Resource):
        if isinstance(of, tree.Expression):
            yield of
        for one in fields(of):
            yield from parts(getattr(of, one.name))


def children(of: tree.Expression) -> Iterator[tree.Expression]:
    """The expressions that stand directly in this one."""
    for one in fields(of):
        yield from _direct(getattr(of, one.name))


def _direct(of: object) -> Iterator[tree.Expression]:
    if isinstance(of, tree.Expression):
        yield of
    elif isinstance(of, tuple):
        for one in of:
            yield from _direct(one)
    elif isinstance(of, tree.Property):
        yield from _direct(of.computed)
        yield of.value


def names(of: object) -> set[str]:
    """The names that stand in an expression."""
    return {part.name for part in parts(of) if isinstance(part, tree.Name)}
