"""One Bicep file under check: its statements, its names, its problems, the files it refers to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from checks.bicep.problem import Report
from checks.bicep.syntax import tree
from checks.bicep.types import Type

S = TypeVar("S", bound=tree.Statement)

Named = (
    tree.Parameter | tree.Variable | tree.Resource | tree.Module | tree.NamedType | tree.Function
)
"""What an expression or a type expression can refer to by its name."""


@dataclass(eq=False, slots=True)
class Placed:
    """A resource with its whole type: that of a nested one begins with its parent's."""

    declaration: tree.Resource
    type: str
    version: str
    parent: "Placed | None" = None
    sound: bool = True
    """False if the type is not written as one, which has been reported."""
    children: "dict[str, Placed]" = field(default_factory=dict)

    def with_children(self) -> "Iterator[Placed]":
        yield self
        for child in self.children.values():
            yield from child.with_children()


@dataclass(frozen=True, slots=True)
class Imported:
    """A name that another file declares; as `original` there."""

    unit: "Unit"
    original: str
    line: int


@dataclass(eq=False, slots=True)
class Unit:
    path: Path
    report: Report
    statements: tuple[tree.Statement, ...]
    readable: bool
    """False after a syntax error: then the file is not checked further."""
    scope: str = "resourceGroup"
    symbols: dict[str, Named] = field(default_factory=dict)
    resources: dict[str, Placed] = field(default_factory=dict)
    """Those that are not nested."""
    modules: "dict[str, Unit]" = field(default_factory=dict)
    """The files of the modules, by the module's name; those that can be read."""
    imported: dict[str, Imported] = field(default_factory=dict)
    wildcards: "dict[str, Unit]" = field(default_factory=dict)
    """`import * as name`."""
    unknown: set[str] = field(default_factory=set)
    """Names from files that cannot be read: nothing can be said of them."""
    used: set[str] = field(default_factory=set)
    types: dict[str, Type] = field(default_factory=dict)
    """The types that the file declares, those that were looked at."""
    variables: dict[str, Type] = field(default_factory=dict)
    """The types of the variables whose values were looked at."""

    def of_kind(self, kind: type[S]) -> Iterator[S]:
        return (found for found in self.statements if isinstance(found, kind))

    @property
    def parameters(self) -> dict[str, tree.Parameter]:
        return {found.name: found for found in self.of_kind(tree.Parameter)}

    @property
    def outputs(self) -> dict[str, tree.Output]:
        return {found.name: found for found in self.of_kind(tree.Output)}

    def placed(self) -> Iterator[Placed]:
        """Every resource, the nested ones after their parents."""
        for resource in self.resources.values():
            yield from resource.with_children()

    def names(self) -> set[str]:
        """Every name that an expression here may use."""
        return {*self.symbols, *self.imported, *self.wildcards, *self.unknown}
