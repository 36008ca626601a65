"""Text -> tree, by precedence climbing; at most `DEEPEST` operations stand in each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from shared.workflows.expressions.errors import Unreadable
from shared.workflows.expressions.lexing import Kind, Token, tokens
from shared.workflows.expressions.limits import DEEPEST, NESTING
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
from shared.workflows.near import nearest

_T = TypeVar("_T")

_BINDS = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%"), 5),
}
"""How strongly the operators bind, by the grammar of CEL."""
_CONSTANTS = {"true": True, "false": False, "null": None}
_WORDS = frozenset({*_CONSTANTS, "in"})
"""Words that are no names of fields either."""
_STATEMENTS = "break const continue else for function if let loop return var void while"
RESERVED = frozenset((*_STATEMENTS.split(), "as", "import", "namespace", "package"))
"""Words that CEL keeps for itself: no names, but fields may be called so."""
FUNCTIONS = ("size", "int", "double", "string", "bool", "timestamp", "duration")
"""Called as `f(a)`."""
METHODS = {"contains": 1, "startsWith": 1, "endsWith": 1, "size": 0}
"""Called as `a.f(...)`, and how many arguments each takes."""
MACROS = ("all", "exists", "exists_one", "map", "filter")
LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Sized:
    """A node and how deep it is."""

    node: Node
    depth: int = 0


def tree(text: str) -> Node:
    """The tree of an expression. Raises `Unreadable`."""
    parser = _Parser(tokens(text))
    found = parser.expression()
    parser.end()
    return found.node


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._next = 0
        self._open = 0
        """Brackets and operators that are being read: how deep the parser itself is."""
        self._macros = 0

    def end(self) -> None:
        if (token := self._token).kind is not Kind.END:
            raise Unreadable(
                token.at, f"{token.text!r:.30} cannot stand here; the value ended before"
            )

    def expression(self) -> _Sized:
        """`a ? b : c`, or what binds more strongly."""
        return self._within(self._expression)

    def _expression(self) -> _Sized:
        condition = self._operation(1)
        at = self._token.at
        if not self._take("?"):
            return condition
        then = self._within(lambda: self._operation(1))
        self._expect(":", "after ? comes one value, then : and the other")
        otherwise = self.expression()
        parts = (condition, then, otherwise)
        return self._made(Choice(at, condition.node, then.node, otherwise.node), parts)

    def _operation(self, least: int) -> _Sized:
        """Operators that bind at least so strongly, the leftmost first."""
        left = self._unary()
        while (binds := _BINDS.get(self._sign, 0)) >= least:
            token = self._step()
            right = self._operation(binds + 1)
            left = self._made(Binary(token.at, token.text, left.node, right.node), (left, right))
        return left

    def _unary(self) -> _Sized:
        token = self._token
        if token.kind is not Kind.SIGN or token.text not in ("!", "-"):
            return self._member()
        self._step()
        if token.text == "-" and self._token.kind in (Kind.INT, Kind.DOUBLE):
            return self._members(_Sized(self._number(token)))
        of = self._within(self._unary)
        return self._made(Unary(token.at, token.text, of.node), (of,))

    def _member(self) -> _Sized:
        return self._members(self._primary())

    def _members(self, found: _Sized) -> _Sized:
        """What follows a value: `.name`, `.method(...)`, `[index]`."""
        while True:
            at = self._token.at
            if self._take("."):
                found = self._field(found, at)
            elif self._take("["):
                by = self.expression()
                self._expect("]", "close the index with ]")
                found = self._made(Index(at, found.node, by.node), (found, by))
            else:
                return found

    def _field(self, of: _Sized, at: int) -> _Sized:
        token = self._step()
        if token.kind is not Kind.NAME or token.text in _WORDS:
            raise Unreadable(token.at, 'after . comes a name; write ["..."] for any other')
        if not self._take("("):
            return self._made(Select(at, of.node, token.text), (of,))
        if token.text in MACROS:
            return self._macro(of, token)
        given = self._arguments(")")
        self._hold_method(token, len(given))
        call = Call(token.at, token.text, (of.node, *(one.node for one in given)))
        return self._made(call, (of, *given))

    def _hold_method(self, token: Token, count: int) -> None:
        wanted = METHODS.get(token.text)
        if wanted is None:
            known = (*METHODS, *MACROS)
            raise Unreadable(token.at, _unknown(f".{token.text}()", token.text, known))
        if count != wanted:
            said = f".{token.text}() takes {wanted or 'no'} argument{'s' * (wanted != 1)}"
            raise Unreadable(token.at, said)

    def _macro(self, of: _Sized, token: Token) -> _Sized:
        self._macros += 1
        if self._macros > NESTING:
            said = f"at most {NESTING} of {', '.join(MACROS)} stand in each other"
            raise Unreadable(token.at, said)
        variable = self._step()
        if variable.kind is not Kind.NAME or variable.text in _WORDS | RESERVED:
            raise Unreadable(
                variable.at, f"{token.text}() takes a name first: {token.text}(x, ...)"
            )
        self._expect(",", f"{token.text}() takes a name and an expression: {token.text}(x, ...)")
        given = self._arguments(")")
        self._macros -= 1
        if not 1 <= len(given) <= (2 if token.text == "map" else 1):
            raise Unreadable(token.at, f"{token.text}() takes a name and an expression")
        where = given[0].node if len(given) == 2 else None
        made = Macro(token.at, token.text, of.node, variable.text, where, given[-1].node)
        return self._made(made, (of, *given))

    def _primary(self) -> _Sized:
        token = self._step()
        match token.kind:
            case Kind.INT:
                return _Sized(Literal(token.at, _whole(token, 1)))
            case Kind.DOUBLE | Kind.STRING:
                return _Sized(Literal(token.at, token.value))
            case Kind.NAME:
                return self._named(token)
        match token.text:
            case "(":
                found = self.expression()
                self._expect(")", "close it with )")
                return found
            case "[":
                items = self._arguments("]")
                return self._made(ListOf(token.at, tuple(one.node for one in items)), items)
            case "{":
                return self._map(token)
        what = f"{token.text!r:.30} cannot stand here" if token.text else "it ends too early"
        raise Unreadable(token.at, f"{what}; give a value")

    def _named(self, token: Token) -> _Sized:
        if token.text in _CONSTANTS:
            return _Sized(Literal(token.at, _CONSTANTS[token.text]))
        if token.text in _WORDS | RESERVED:
            raise Unreadable(token.at, f"{token.text!r} is a word of the language, and no name")
        if not self._take("("):
            return _Sized(Name(token.at, token.text))
        given = self._arguments(")")
        if token.text == "has":
            return self._has(token, given)
        if token.text not in FUNCTIONS:
            known = (*FUNCTIONS, "has")
            raise Unreadable(token.at, _unknown(f"{token.text}()", token.text, known))
        if len(given) != 1:
            raise Unreadable(token.at, f"{token.text}() takes one argument")
        return self._made(Call(token.at, token.text, (given[0].node,)), given)

    def _has(self, token: Token, given: list[_Sized]) -> _Sized:
        field = given[0].node if len(given) == 1 else None
        if not isinstance(field, Select):
            raise Unreadable(token.at, "has() takes a field: has(trigger.name)")
        return _Sized(Has(token.at, field.of, field.name), given[0].depth)

    def _map(self, token: Token) -> _Sized:
        entries: list[tuple[Node, Node]] = []
        parts: list[_Sized] = []
        while not self._take("}"):
            key = self.expression()
            self._expect(":", 'a map is written {"name": value}')
            value = self.expression()
            entries.append((key.node, value.node))
            parts += [key, value]
            if not self._take(","):
                self._expect("}", "close the map with }")
                break
        return self._made(MapOf(token.at, tuple(entries)), parts)

    def _arguments(self, close: str) -> list[_Sized]:
        """Values up to the closing bracket, which is taken too."""
        found: list[_Sized] = []
        while not self._take(close):
            found.append(self.expression())
            if not self._take(","):
                self._expect(close, f"put , between values, and {close} at the end")
                break
        return found

    def _number(self, minus: Token) -> Node:
        """The literal after a minus: -2^63 is one, though 2^63 is none."""
        token = self._step()
        if token.kind is Kind.INT:
            return Literal(minus.at, _whole(token, -1))
        assert isinstance(token.value, float)  # noqa: S101 (the lexer made it)
        return Literal(minus.at, -token.value)

    def _within(self, read: Callable[[], _T]) -> _T:
        """Read a part; so many at most may be in each other."""
        self._open += 1
        if self._open > DEEPEST:
            raise Unreadable(self._token.at, _too_deep())
        found = read()
        self._open -= 1
        return found

    def _made(self, node: Node, parts: tuple[_Sized, ...] | list[_Sized]) -> _Sized:
        depth = 1 + max((one.depth for one in parts), default=0)
        if depth > DEEPEST:
            raise Unreadable(node.at, _too_deep())
        return _Sized(node, depth)

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    @property
    def _sign(self) -> str:
        """The operator that comes next; empty for none."""
        token = self._token
        is_one = token.kind is Kind.SIGN or (token.text == "in" and token.kind is Kind.NAME)
        return token.text if is_one else ""

    def _step(self) -> Token:
        token = self._token
        self._next += token.kind is not Kind.END
        return token

    def _take(self, sign: str) -> bool:
        found = self._token.kind is Kind.SIGN and self._token.text == sign
        self._next += found
        return found

    def _expect(self, sign: str, said: str) -> None:
        if not self._take(sign):
            token = self._token
            what = f"{token.text!r:.30}" if token.text else "the end"
            raise Unreadable(token.at, f"{what} cannot stand here; {said}")


def _whole(token: Token, sign: int) -> int:
    assert isinstance(token.value, int)  # noqa: S101 (the lexer made it)
    value = sign * token.value
    if not -LARGEST - 1 <= value <= LARGEST:
        raise Unreadable(token.at, "the number does not fit into 64 bits")
    return value


def _unknown(shown: str, name: str, known: tuple[str, ...]) -> str:
    return f"there is no {shown:.40}; {nearest(name, known)}"


def _too_deep() -> str:
    return f"more than {DEEPEST} operations stand in each other; split it over two steps"
