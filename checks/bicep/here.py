"""Where an expression stands: in which file, and what its names mean there."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from checks.bicep.similar import instead
from checks.bicep.syntax import tree
from checks.bicep.table.lookup import table
from checks.bicep.types import UNKNOWN, Sequence, Type
from checks.bicep.unit import Placed, Unit


@dataclass(frozen=True, slots=True)
class Here:
    unit: Unit
    locals: Mapping[str, Type] = field(default_factory=dict)
    """The names of loops, of lambdas and of nested resources."""
    nested: Mapping[str, Placed] = field(default_factory=dict)
    """The resources that stand in the same resource, and those around it."""
    in_default: bool = False
    """In the default of a parameter."""
    guarded: bool = False
    """Where a condition decides whether this is used at all."""
    muted: bool = False
    """What is wrong is not reported: it has been."""

    def knowing(self, names: Mapping[str, Type]) -> "Here":
        return replace(self, locals={**self.locals, **names})

    def within(self, placed: Placed) -> "Here":
        """In the body of a resource."""
        types = {name: resource(child) for name, child in placed.children.items()}
        return replace(self.knowing(types), nested={**self.nested, **placed.children})

    def report(self, line: int, message: str) -> None:
        if not self.muted:
            self.unit.report.add(line, message)


def resource(placed: Placed) -> Type:
    """The type of what is read from a resource; in a loop, of an array of them."""
    found = table().find(placed.type, placed.version)
    body = found.body if found else UNKNOWN
    return Sequence(item=body) if placed.declaration.loop else body


def nested(of: tree.Expression, here: Here) -> Placed | None:
    """The resource that `a` or `a::b` names; what does not exist is reported."""
    if isinstance(of, tree.Name):
        here.unit.used.add(of.name)
        found = here.nested.get(of.name) or here.unit.resources.get(of.name)
        if found is None and of.name not in here.unit.unknown:
            here.report(of.line, f"there is no resource {of.name} in this file")
        return found
    if not isinstance(of, tree.Nested):
        return None
    outer = nested(of.of, here)
    if outer is None:
        return None
    if of.name not in outer.children:
        name = outer.declaration.name
        here.report(
            of.line, f"{name} holds no resource {of.name}{instead(of.name, outer.children)}"
        )
    return outer.children.get(of.name)
