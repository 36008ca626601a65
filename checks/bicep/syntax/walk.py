"""Goes through an expression, part by part."""

from collections.abc import Iterator

from checks.bicep.syntax import tree


def parts(of: object) -> Iterator[tree.Expression]:
    """The expression and every expression in it, the outer ones first."""
    if isinstance(of, tuple):
        for one in of:
            yield from parts(one)
    elif isinstance(of, tree.Node | tree.Property):
        if isinstance(of, tree.Expression):
            yield of
        for name in _fields(of):
            yield from parts(getattr(of, name))


def _fields(of: tree.Node | tree.Property) -> Iterator[str]:
    """The fields of a node that may hold expressions."""
    return (name for name in of.__dataclass_fields__ if name not in ("line", "text", "name"))


def children(of: tree.Expression) -> Iterator[tree.Expression]:
    """The expressions that stand directly in this one."""
    for name in _fields(of):
        yield from _direct(getattr(of, name))


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
