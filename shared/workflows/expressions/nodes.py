"""An expression as a tree. Each node knows its column, for messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """null, true, false, a number or a text."""

    at: int
    value: object


@dataclass(frozen=True, slots=True)
class Name:
    """A root such as `trigger`, or a macro's variable."""

    at: int
    name: str


@dataclass(frozen=True, slots=True)
class ListOf:
    """`[a, b]`."""

    at: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MapOf:
    """`{"a": b}`."""

    at: int
    entries: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class Select:
    """`a.b`."""

    at: int
    of: Node
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """`a[b]`."""

    at: int
    of: Node
    by: Node


@dataclass(frozen=True, slots=True)
class Has:
    """`has(a.b)`."""

    at: int
    of: Node
    name: str


@dataclass(frozen=True, slots=True)
class Unary:
    """`!a`, `-a`."""

    at: int
    sign: str
    of: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """`a + b`, also `a in b`, `a && b` and `a || b`."""

    at: int
    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Choice:
    """`a ? b : c`."""

    at: int
    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Call:
    """`size(a)`, and `a.contains(b)` as a call with two arguments."""

    at: int
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Macro:
    """`list.all(x, body)`; of `map` with three arguments, `where` filters first."""

    at: int
    name: str
    of: Node
    variable: str
    where: Node | None
    body: Node


Node: TypeAlias = (
    Literal | Name | ListOf | MapOf | Select | Index | Has | Unary | Binary | Choice | Call | Macro
)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes that it is made of, without a macro's body."""
    match node:
        case ListOf():
            return node.items
        case MapOf():
            return tuple(one for entry in node.entries for one in entry)
        case Select() | Has() | Unary() | Macro():
            return (node.of,)
        case Index():
            return node.of, node.by
        case Binary():
            return node.left, node.right
        case Choice():
            return node.condition, node.then, node.otherwise
        case Call():
            return node.arguments
        case _:
            return ()
