"""Tree and values of names -> value, step by step, each of which is counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.workflows.expressions.errors import TooCostly, Unevaluable
from shared.workflows.expressions.functions import FUNCTIONS
from shared.workflows.expressions.limits import BUDGET, LIST, PER_STEP
from shared.workflows.expressions.nodes import (
    Binary,
    Call,
    Choice,
    Has,
    Index,
    ListOf,
    Literal,
    Macro,
    MapOf,
    Name,
    Node,
    Select,
    Unary,
)
from shared.workflows.expressions.operators import (
    NoValue,
    arithmetic,
    compare,
    equal,
    negative,
)
from shared.workflows.expressions.values import kind
from shared.workflows.near import nearest

Names = Mapping[str, object]


class Evaluation:
    """One evaluation, with what is left of its budget."""

    def __init__(self, budget: int = BUDGET) -> None:
        self._left = budget

    def value(self, node: Node, names: Names) -> object:
        """The node's value. Raises `Unevaluable`, `TooCostly`."""
        self._spend(node, 1)
        try:
            return self._value(node, names)
        except NoValue as error:
            raise Unevaluable(node.at, str(error)) from None

    def _value(self, node: Node, names: Names) -> object:
        match node:
            case Literal():
                return node.value
            case Name():
                if node.name in names:
                    return names[node.name]
                raise NoValue(f"there is no {node.name} here; {nearest(node.name, names)}")
            case Select():
                return _field(self.value(node.of, names), node.name)
            case Has():
                return node.name in _mapping(self.value(node.of, names), node.name)
            case Index():
                return _item(self.value(node.of, names), self.value(node.by, names))
            case ListOf():
                return [self.value(one, names) for one in node.items]
            case MapOf():
                return self._map(node, names)
            case Unary():
                return self._unary(node, names)
            case Binary():
                return self._binary(node, names)
            case Choice():
                chosen = node.then if self._truth(node.condition, names, "?") else node.otherwise
                return self.value(chosen, names)
            case Call():
                return self._call(node, names)
            case Macro():
                return self._macro(node, names)

    def _map(self, node: MapOf, names: Names) -> dict[str, object]:
        made: dict[str, object] = {}
        for key, value in node.entries:
            name = self.value(key, names)
            if not isinstance(name, str):
                raise NoValue(f"a map's name is a text here, and no {kind(name)}")
            if name in made:
                raise NoValue(f"the name {name!r:.60} is there twice")
            made[name] = self.value(value, names)
        return made

    def _unary(self, node: Unary, names: Names) -> object:
        if node.sign == "!":
            return not self._truth(node.of, names, "!")
        return negative(self.value(node.of, names))

    def _binary(self, node: Binary, names: Names) -> object:
        if node.sign in ("&&", "||"):
            return self._logic(node, names)
        left, right = self.value(node.left, names), self.value(node.right, names)
        match node.sign:
            case "==":
                return self._equal(node, left, right)
            case "!=":
                return not self._equal(node, left, right)
            case "in":
                return self._in(node, left, right)
            case "<" | "<=" | ">" | ">=":
                self._read(node, left, right)
                return compare(node.sign, left, right)
        self._read(node, left, right)
        return self._bounded(node, arithmetic(node.sign, left, right))

    def _logic(self, node: Binary, names: Names) -> bool:
        """One side alone may decide, though the other is an error: CEL's `&&` and `||`."""
        decides = node.sign == "||"
        failed: Unevaluable | None = None
        for side in (node.left, node.right):
            try:
                if self._truth(side, names, node.sign) is decides:
                    return decides
            except Unevaluable as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return not decides

    def _truth(self, node: Node, names: Names, sign: str) -> bool:
        value = self.value(node, names)
        if not isinstance(value, bool):
            said = f"{sign} takes true or false, and this is a {kind(value)}"
            raise Unevaluable(node.at, f"{said}; compare it with something")
        return value

    def _in(self, node: Binary, left: object, right: object) -> bool:
        if isinstance(right, Mapping):
            return isinstance(left, str) and left in right
        if isinstance(right, list | tuple):
            return any(self._equal(node, left, one) for one in right)
        hint = "; write text.contains(part)" if isinstance(right, str) else ""
        raise NoValue(f"in takes a list or a map on the right, and no {kind(right)}{hint}")

    def _equal(self, node: Node, left: object, right: object) -> bool:
        self._read(node, left, right)
        return equal(left, right, lambda steps: self._spend(node, steps))

    def _call(self, node: Call, names: Names) -> object:
        given = [self.value(one, names) for one in node.arguments]
        self._read(node, *given)
        return FUNCTIONS[node.name](*given)

    def _macro(self, node: Macro, names: Names) -> object:
        over = self.value(node.of, names)
        if not isinstance(over, list | tuple | Mapping):
            raise NoValue(f"{node.name}() goes through a list or a map, and no {kind(over)}")
        self._hold(node, len(over))
        return _MACROS[node.name](self, node, over, names)

    def decided(self, node: Macro, over: Any, names: Names) -> bool:
        """`all` and `exists`, which are `&&` and `||` over the items."""
        decides = node.name == "exists"
        failed: Unevaluable | None = None
        for one in over:
            try:
                scope = {**names, node.variable: one}
                if self._truth(node.body, scope, f"{node.name}()") is decides:
                    return decides
            except Unevaluable as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return not decides

    def one(self, node: Macro, over: Any, names: Names) -> bool:
        """`exists_one`: exactly one item fits; an error is never absorbed."""
        return len(self.chosen(node, over, names)) == 1

    def chosen(self, node: Macro, over: Any, names: Names) -> list[object]:
        """`filter`."""
        said = f"{node.name}()"
        return [one for one in over if self._truth(node.body, {**names, node.variable: one}, said)]

    def mapped(self, node: Macro, over: Any, names: Names) -> list[object]:
        """`map`, with or without a condition."""
        made: list[object] = []
        for one in over:
            scope = {**names, node.variable: one}
            if node.where is None or self._truth(node.where, scope, "map()"):
                made.append(self.value(node.body, scope))
        return made

    def _bounded(self, node: Node, made: object) -> object:
        if isinstance(made, list):
            self._hold(node, len(made))
        return made

    def _hold(self, node: Node, length: int) -> None:
        if length > LIST:
            raise TooCostly(node.at, f"the list has {length:,} items; {LIST:,} can be")
        self._spend(node, length)

    def _read(self, node: Node, *values: object) -> None:
        """Long texts cost more."""
        steps = sum(len(one) // PER_STEP for one in values if isinstance(one, str))
        if steps:
            self._spend(node, steps)

    def _spend(self, node: Node, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise TooCostly(node.at, f"the expression takes more than {BUDGET:,} steps")


_MACROS = {
    "all": Evaluation.decided,
    "exists": Evaluation.decided,
    "exists_one": Evaluation.one,
    "filter": Evaluation.chosen,
    "map": Evaluation.mapped,
}


def _mapping(value: object, name: str) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        return value
    hint = "; ask has(...) or != null first" if value is None else ""
    raise NoValue(f"a {kind(value)} has no .{name}{hint}")


def _field(value: object, name: str) -> object:
    found = _mapping(value, name)
    if name in found:
        return found[name]
    raise NoValue(
        f"there is no .{name:.60}; ask has(...) first if it may be missing, "
        f"or: {nearest(name, map(str, found))}"
    )


def _item(value: object, by: object) -> object:
    if isinstance(value, Mapping):
        if isinstance(by, str) and by in value:
            return value[by]
        raise NoValue(f"there is no [{by!r:.60}]; ask `in` first if it may be missing")
    if isinstance(value, list | tuple):
        if type(by) is not int:
            raise NoValue(f"a list's items have whole numbers, and no {kind(by)}")
        if not 0 <= by < len(value):
            raise NoValue(f"there is no item {by}: the list has {len(value)}, from 0 on")
        return value[by]
    raise NoValue(f"a {kind(value)} has no items")
