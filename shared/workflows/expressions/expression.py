"""An expression that was read: what it refers to, and its value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from shared.workflows.expressions import references
from shared.workflows.expressions.errors import TooCostly, Unevaluable, Unreadable
from shared.workflows.expressions.evaluating import Evaluation
from shared.workflows.expressions.limits import SOURCE
from shared.workflows.expressions.nodes import Node
from shared.workflows.expressions.parsing import tree
from shared.workflows.expressions.values import NoText, plain


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was read."""

    text: str
    tree: Node
    paths: frozenset[references.Path]
    """What it takes from outside: each root with the fields after it that are known."""

    def references(self) -> frozenset[str]:
        """`paths` in words: `steps.a.result.x`, `trigger.email`."""
        return frozenset(".".join(path) for path in self.paths)

    def evaluate(self, values: Mapping[str, object]) -> object:
        """Its value as JSON: instants and durations are texts. `values`: those of the roots; an
        instant may be a `datetime`. Raises `Unevaluable`, `TooCostly`."""
        return self.within(Evaluation(), values)

    def within(self, evaluation: Evaluation, values: Mapping[str, object]) -> object:
        """As `evaluate`, with a budget that several share."""
        found = evaluation.value(self.tree, values)
        try:
            return plain(found)
        except NoText as error:
            raise TooCostly(self.tree.at, str(error)) from None

    def decide(self, values: Mapping[str, object]) -> bool:
        """Its value, which is to be true or false. Raises as `evaluate`."""
        found = self.evaluate(values)
        if not isinstance(found, bool):
            said = "the value is to be true or false; compare it with something"
            raise Unevaluable(self.tree.at, said)
        return found


@lru_cache(maxsize=2048)
def parse(text: str) -> Expression:
    """The expression. Raises `Unreadable`."""
    if len(text) > SOURCE or len(text.encode(errors="surrogatepass")) > SOURCE:
        raise Unreadable(1, f"the expression has more than {SOURCE:,} bytes; split it")
    found = tree(text)
    return Expression(text, found, frozenset(references.paths(found)))
