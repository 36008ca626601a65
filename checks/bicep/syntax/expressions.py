"""Reads expressions. Precedence: `??`, `||`, `&&`, equality, comparison, sum, product, unary.

As in Bicep, an expression goes on over the end of a line only inside of brackets, and before the
`?` and the `:` of a condition.
"""

from collections.abc import Callable

from checks.bicep.syntax import tree
from checks.bicep.syntax.cursor import Cursor, string_value
from checks.bicep.syntax.tokens import Kind, Token

PRECEDENCE = {
    operator: level
    for level, operators in enumerate(
        (
            ("??",),
            ("||",),
            ("&&",),
            ("==", "!=", "=~", "!~"),
            ("<", ">", "<=", ">="),
            ("+", "-"),
            ("*", "/", "%"),
        ),
        start=1,
    )
    for operator in operators
}
LoopBody = Callable[[], tuple[tree.Expression | None, tree.Expression]]
CONSTANTS = {"true": True, "false": False, "null": None}


def expression(at: Cursor) -> tree.Expression:
    """An expression with whatever stands in it. Raises Unreadable."""
    first = at.token
    condition = _binary(at, 0)
    if not (at.past_newlines().kind is Kind.MARK and at.past_newlines().text == "?"):
        return condition
    at.newlines()
    at.take()
    yes = expression(at)
    if at.past_newlines().text == ":":
        at.newlines()
    at.mark(":", "and what holds otherwise")
    no = expression(at)
    return tree.Ternary(
        line=first.line, text=at.text(first.start), condition=condition, yes=yes, no=no
    )


def _binary(at: Cursor, above: int) -> tree.Expression:
    first = at.token
    left = _unary(at)
    while at.token.kind is Kind.MARK and PRECEDENCE.get(at.token.text, 0) > above:
        operator = at.take().text
        right = _binary(at, PRECEDENCE[operator])
        left = tree.Binary(
            line=first.line,
            text=at.text(first.start),
            operator=operator,
            left=left,
            right=right,
        )
    return left


def _unary(at: Cursor) -> tree.Expression:
    if not at.at_mark("!", "-", "+"):
        return _with_members(at)
    sign = at.take()
    operand = _unary(at)
    text = at.text(sign.start)
    if sign.text == "-" and isinstance(operand, tree.Literal) and type(operand.value) is int:
        return tree.Literal(line=sign.line, text=text, value=-operand.value)
    return tree.Unary(line=sign.line, text=text, operator=sign.text, operand=operand)


def _with_members(at: Cursor) -> tree.Expression:
    """A value, and what is read from it: `.name`, `.name(...)`, `[...]`, `::name`, `!`."""
    first = at.token
    found = _primary(at)
    while at.at_mark(".", ".?", "[", "[?", "::", "!"):
        found = _member(at, first, found)
    return found


def _member(at: Cursor, first: Token, of: tree.Expression) -> tree.Expression:
    mark = at.take().text
    if mark == "!":
        return tree.NotNull(line=first.line, text=at.text(first.start), of=of)
    if mark in ("[", "[?"):
        at.newlines()
        if at.at_mark("^"):
            at.take()
        key = expression(at)
        at.newlines()
        at.mark("]", "after the index")
        return tree.Index(
            line=first.line, text=at.text(first.start), of=of, at=key, safe=mark == "[?"
        )
    name = at.name("a property" if mark != "::" else "a resource")
    if mark == "::":
        return tree.Nested(line=name.line, text=at.text(first.start), of=of, name=name.text)
    if at.at_mark("("):
        return _call(at, name, of)
    return tree.Member(
        line=name.line, text=at.text(first.start), of=of, name=name.text, safe=mark == ".?"
    )


def _call(at: Cursor, name: Token, of: tree.Expression | None) -> tree.Call:
    at.mark("(", "after the name of a function")
    arguments = tuple(at.listed(")", lambda: expression(at)))
    return tree.Call(
        line=name.line, text=at.text(name.start), of=of, name=name.text, arguments=arguments
    )


def _primary(at: Cursor) -> tree.Expression:
    token = at.token
    if token.kind is Kind.NUMBER:
        at.take()
        return tree.Literal(line=token.line, text=token.text, value=int(token.text))
    if token.kind is Kind.STRING:
        return _string(at)
    if token.kind is Kind.NAME:
        return _named(at)
    if at.at_mark("{"):
        return object_literal(at)
    if at.at_mark("["):
        return _loop_or_array(at)
    if at.at_mark("("):
        return _lambda_or_parenthesis(at)
    raise at.expected("a value")


def _named(at: Cursor) -> tree.Expression:
    token = at.take()
    if at.at_mark("=>"):
        return _lambda(at, token, (token.text,))
    if at.at_mark("("):
        return _call(at, token, None)
    if token.text in CONSTANTS:
        return tree.Literal(line=token.line, text=token.text, value=CONSTANTS[token.text])
    return tree.Name(line=token.line, text=token.text, name=token.text)


def _string(at: Cursor) -> tree.Expression:
    token = at.take()
    if all(isinstance(part, str) for part in token.parts):
        return tree.Literal(line=token.line, text=token.text, value=string_value(token))
    parts: list[str | tree.Expression] = []
    for part in token.parts:
        if isinstance(part, str):
            parts.append(part)
            continue
        inner = Cursor(at.source, part)
        inner.newlines()
        parts.append(expression(inner))
        inner.newlines()
        if inner.token.kind is not Kind.END:
            raise inner.expected("the `}` of the interpolation")
    return tree.Interpolated(line=token.line, text=token.text, parts=tuple(parts))


def _lambda_or_parenthesis(at: Cursor) -> tree.Expression:
    first = at.take()
    at.newlines()
    if _closes_parameters(at):
        names = at.listed(")", lambda: at.name("a parameter").text)
        return _lambda(at, first, tuple(names))
    inner = expression(at)
    at.newlines()
    at.mark(")", "after the expression in parentheses")
    return inner


def _closes_parameters(at: Cursor) -> bool:
    """Whether names, commas and a `)` before `=>` come next."""
    count = 0
    while at.ahead(count).kind in (Kind.NAME, Kind.NEWLINE) or at.ahead(count).text == ",":
        count += 1
    return at.ahead(count).text == ")" and at.ahead(count + 1).text == "=>"


def _lambda(at: Cursor, first: Token, names: tuple[str, ...]) -> tree.Lambda:
    at.mark("=>", "after the parameters")
    at.newlines()
    body = expression(at)
    return tree.Lambda(line=first.line, text=at.text(first.start), parameters=names, body=body)


def _loop_or_array(at: Cursor) -> tree.Expression:
    if _begins_loop(at):
        return loop(at, lambda: (None, expression(at)))
    first = at.take()
    items = tuple(at.between_brackets("]", lambda: _item(at)))
    return tree.Array(line=first.line, text=at.text(first.start), items=items)


def _begins_loop(at: Cursor) -> bool:
    count = 1
    while at.ahead(count).kind is Kind.NEWLINE:
        count += 1
    after = at.ahead(count + 1)
    return at.ahead(count).text == "for" and (after.kind is Kind.NAME or after.text == "(")


def loop(at: Cursor, body: LoopBody) -> tree.Loop:
    """`[for ...]`; `body` reads what follows the colon: a condition, if there is one, and a value.

    The cursor stands at the `[`.
    """
    first = at.mark("[", "of a loop")
    at.newlines()
    at.keyword("for")
    item, index = _loop_names(at)
    at.keyword("in")
    over = expression(at)
    at.mark(":", "before the body of the loop")
    condition, value = body()
    at.newlines()
    at.mark("]", "at the end of the loop")
    return tree.Loop(
        line=first.line,
        text=at.text(first.start),
        item=item,
        index=index,
        over=over,
        condition=condition,
        body=value,
    )


def _loop_names(at: Cursor) -> tuple[str, str | None]:
    if not at.at_mark("("):
        return at.name("the loop's variable").text, None
    at.take()
    names = at.listed(")", lambda: at.name("the loop's variable").text)
    if len(names) != 2:
        raise at.expected("(item, index)")
    return names[0], names[1]


def _item(at: Cursor) -> tree.Expression:
    return _spread(at) if at.at_mark("...") else expression(at)


def _spread(at: Cursor) -> tree.Spread:
    first = at.take()
    of = expression(at)
    return tree.Spread(line=first.line, text=at.text(first.start), of=of)


def object_literal(at: Cursor) -> tree.Object:
    """`{...}`, whose members are properties and spreads."""
    first = at.mark("{", "of an object")
    members = at.between_brackets("}", lambda: object_member(at))
    return tree.Object(
        line=first.line,
        text=at.text(first.start),
        properties=tuple(m for m in members if isinstance(m, tree.Property)),
        spreads=tuple(m for m in members if isinstance(m, tree.Spread)),
    )


def object_member(at: Cursor) -> tree.Property | tree.Spread:
    if at.at_mark("..."):
        return _spread(at)
    line = at.token.line
    key, computed = _key(at)
    at.mark(":", "after the name of a property")
    return tree.Property(line=line, key=key, computed=computed, value=expression(at))


def _key(at: Cursor) -> tuple[str | None, tree.Expression | None]:
    if at.at_name():
        return at.take().text, None
    if at.token.kind is not Kind.STRING:
        raise at.expected("the name of a property or `}`")
    name = _string(at)
    if isinstance(name, tree.Literal):
        return str(name.value), None
    return None, name
