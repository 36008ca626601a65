"""What an expression takes from outside, found without evaluating it."""

from __future__ import annotations

from collections.abc import Iterator

from shared.workflows.expressions.nodes import (
    Has,
    Index,
    Literal,
    Macro,
    Name,
    Node,
    Select,
    children,
)

Path = tuple[str, ...]
"""A root and the fields after it, as far as they are known: `("steps", "a", "result")`."""


def paths(node: Node, bound: frozenset[str] = frozenset()) -> Iterator[Path]:
    """The paths, also those that a condition may leave out. `bound`: variables of macros."""
    found = _path(node)
    if found is not None:
        if found[0] not in bound:
            yield found
        return
    if isinstance(node, Macro):
        inner = bound | {node.variable}
        for one in (node.where, node.body):
            if one is not None:
                yield from paths(one, inner)
    for child in children(node):
        yield from paths(child, bound)


def _path(node: Node) -> Path | None:
    """The path that the node is; None for any other."""
    match node:
        case Name():
            return (node.name,)
        case Select() | Has():
            before = _path(node.of)
            return None if before is None else (*before, node.name)
        case Index(by=Literal(value=str() as name)):
            before = _path(node.of)
            return None if before is None else (*before, name)
    return None
