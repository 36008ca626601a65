"""Reads type expressions: `string[]`, `'a' | 'b'`, `{ name: string? }`, `settings`."""

from checks.bicep.syntax import tree
from checks.bicep.syntax.cursor import Cursor, string_value
from checks.bicep.syntax.expressions import CONSTANTS, expression
from checks.bicep.syntax.tokens import Kind, Token

OF_RESOURCE = ("resourceInput", "resourceOutput", "resourceDerived")


def type_expression(at: Cursor) -> tree.TypeExpression:
    """A type with whatever stands in it. Raises Unreadable."""
    first = at.token
    if at.at_mark("|"):
        at.take()
    members = [_with_suffixes(at)]
    while at.past_newlines().text == "|":
        at.newlines()
        at.take()
        at.newlines()
        members.append(_with_suffixes(at))
    if len(members) == 1:
        return members[0]
    return tree.TypeUnion(line=first.line, text=at.text(first.start), members=tuple(members))


def _with_suffixes(at: Cursor) -> tree.TypeExpression:
    first = at.token
    found = _primary(at)
    while at.at_mark("[", "?", ".", "!"):
        found = _suffix(at, first, found)
    return found


def _suffix(at: Cursor, first: Token, of: tree.TypeExpression) -> tree.TypeExpression:
    mark = at.take().text
    if mark == "?":
        return tree.TypeNullable(line=first.line, text=at.text(first.start), of=of)
    if mark == "!":
        return of.of if isinstance(of, tree.TypeNullable) else of
    if mark == "[" and at.at_mark("]"):
        at.take()
        return tree.TypeArray(line=first.line, text=at.text(first.start), item=of)
    step = at.take().text
    if mark == "[":
        at.mark("]", "after the index of a type")
        step = f"[{step}]"
    if isinstance(of, tree.TypeOfResource):
        return of
    if not isinstance(of, tree.TypeName):
        raise at.expected("the name of a type before `.` or `[`")
    return tree.TypeName(line=first.line, text=at.text(first.start), path=(*of.path, step))


def _primary(at: Cursor) -> tree.TypeExpression:
    token = at.token
    if token.kind is Kind.STRING:
        value = string_value(at.plain_string("the literal of a type"))
        return tree.TypeLiteral(line=token.line, text=token.text, value=value)
    if token.kind is Kind.NUMBER or at.at_mark("-"):
        return _number(at)
    if token.kind is Kind.NAME:
        return _named(at)
    if at.at_mark("!"):
        return _denied(at)
    if at.at_mark("{"):
        return _object(at)
    if at.at_mark("["):
        at.take()
        items = tuple(at.between_brackets("]", lambda: _tuple_item(at)))
        return tree.TypeTuple(line=token.line, text=at.text(token.start), items=items)
    if at.at_mark("("):
        at.take()
        at.newlines()
        inner = type_expression(at)
        at.newlines()
        at.mark(")", "after the type in parentheses")
        return inner
    raise at.expected("a type")


def _number(at: Cursor) -> tree.TypeLiteral:
    first = at.token
    if at.at_mark("-"):
        at.take()
    if at.token.kind is not Kind.NUMBER:
        raise at.expected("a number")
    value = int(at.take().text)
    return tree.TypeLiteral(
        line=first.line,
        text=at.text(first.start),
        value=-value if first.text == "-" else value,
    )


def _denied(at: Cursor) -> tree.TypeLiteral:
    """`!true`: a literal as well."""
    first = at.take()
    if not at.at_name("true", "false"):
        raise at.expected("true or false")
    value = at.take().text == "false"
    return tree.TypeLiteral(line=first.line, text=at.text(first.start), value=value)


def _named(at: Cursor) -> tree.TypeExpression:
    token = at.take()
    if token.text == "sys" and at.at_mark(".") and at.ahead().text in OF_RESOURCE:
        at.take()
        token = at.take()
    if token.text in CONSTANTS:
        return tree.TypeLiteral(line=token.line, text=token.text, value=CONSTANTS[token.text])
    if token.text in OF_RESOURCE and at.at_mark("<"):
        at.take()
        at.newlines()
        resource = string_value(at.plain_string("a resource type"))
        at.newlines()
        at.mark(">", "after the resource type")
        return tree.TypeOfResource(
            line=token.line, text=at.text(token.start), resource_type=resource
        )
    return tree.TypeName(line=token.line, text=token.text, path=(token.text,))


def _tuple_item(at: Cursor) -> tree.TypeExpression:
    decorators(at)
    return type_expression(at)


def _object(at: Cursor) -> tree.TypeObject:
    first = at.take()
    members = at.between_brackets("}", lambda: _property(at))
    rest = [member.type for member in members if member.name == "*"]
    if len(rest) > 1:
        raise at.expected("one `*:` in a type")
    return tree.TypeObject(
        line=first.line,
        text=at.text(first.start),
        properties=tuple(member for member in members if member.name != "*"),
        rest=rest[0] if rest else None,
    )


def _property(at: Cursor) -> tree.TypeProperty:
    found = decorators(at)
    token = at.token
    if at.at_name() or at.at_mark("*"):
        name = at.take().text
    elif token.kind is Kind.STRING:
        name = string_value(at.plain_string("the name of a property"))
    else:
        raise at.expected("the name of a property, `*` or `}`")
    at.mark(":", "after the name of a property")
    return tree.TypeProperty(line=token.line, name=name, type=type_expression(at), decorators=found)


def decorators(at: Cursor) -> tuple[tree.Decorator, ...]:
    """`@name(...)`, any number of them."""
    found = []
    while at.at_mark("@"):
        at.take()
        line = at.token.line
        call = expression(at)
        if not isinstance(call, tree.Call):
            raise at.expected("`(` and `)` after the name of a decorator")
        found.append(tree.Decorator(line=line, name=call.name, arguments=call.arguments))
        at.newlines()
    return tuple(found)
