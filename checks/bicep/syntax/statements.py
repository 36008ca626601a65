"""Reads the statements of a file. After a syntax error it goes on at the next statement."""

from collections.abc import Callable
from dataclasses import dataclass

from checks.bicep.problem import Report
from checks.bicep.syntax import tree
from checks.bicep.syntax.cursor import Cursor, string_value
from checks.bicep.syntax.expressions import expression, loop, object_member
from checks.bicep.syntax.tokens import Kind, Unreadable, tokens
from checks.bicep.syntax.types import decorators, type_expression

Decorators = tuple[tree.Decorator, ...]


def statements(source: str, report: Report) -> tuple[tree.Statement, ...]:
    """All statements that can be read; what cannot be is reported."""
    try:
        at = Cursor(source, tokens(source))
    except Unreadable as problem:
        report.add(problem.line, str(problem))
        return ()
    found: list[tree.Statement] = []
    at.newlines()
    while at.token.kind is not Kind.END:
        try:
            found.append(_statement(at))
        except Unreadable as problem:
            report.add(problem.line, str(problem))
            _to_next_statement(at)
        at.newlines()
    return tuple(found)


def _to_next_statement(at: Cursor) -> None:
    """To a keyword, or an `@`, that begins a line without indentation."""
    while at.token.kind is not Kind.END:
        if at.take().kind is not Kind.NEWLINE:
            continue
        begins = at.token.start == 0 or at.source[at.token.start - 1] == "\n"
        if begins and (at.at_mark("@") or at.at_name(*KEYWORDS)):
            return


def _statement(at: Cursor) -> tree.Statement:
    found = decorators(at)
    if not at.at_name(*KEYWORDS):
        raise at.expected(f"a statement ({', '.join(sorted(KEYWORDS))})")
    statement = KEYWORDS[at.take().text](at, found)
    if at.token.kind not in (Kind.NEWLINE, Kind.END):
        raise at.expected("the end of the line")
    return statement


def _target_scope(at: Cursor, _: Decorators) -> tree.TargetScope:
    at.mark("=", "after targetScope")
    scope = at.plain_string("the scope")
    return tree.TargetScope(line=scope.line, name=string_value(scope))


def _parameter(at: Cursor, found: Decorators) -> tree.Parameter:
    name = at.name("a parameter")
    of_type = type_expression(at)
    default = _after_equals(at) if at.at_mark("=") else None
    return tree.Parameter(
        line=name.line, name=name.text, decorators=found, type=of_type, default=default
    )


def _after_equals(at: Cursor) -> tree.Expression:
    at.mark("=", "before the value")
    return expression(at)


def _variable(at: Cursor, found: Decorators) -> tree.Variable:
    name = at.name("a variable")
    of_type = None if at.at_mark("=") else type_expression(at)
    return tree.Variable(
        line=name.line,
        name=name.text,
        decorators=found,
        type=of_type,
        value=_after_equals(at),
    )


def _output(at: Cursor, found: Decorators) -> tree.Output:
    name = at.name("an output")
    of_type = type_expression(at)
    return tree.Output(
        line=name.line,
        name=name.text,
        decorators=found,
        type=of_type,
        value=_after_equals(at),
    )


def _type(at: Cursor, found: Decorators) -> tree.NamedType:
    name = at.name("a type")
    at.mark("=", "after the name of a type")
    of_type = type_expression(at)
    return tree.NamedType(line=name.line, name=name.text, decorators=found, type=of_type)


def _function(at: Cursor, found: Decorators) -> tree.Function:
    name = at.name("a function")
    at.mark("(", "after the name of a function")
    parameters = at.listed(")", lambda: (at.name("a parameter").text, type_expression(at)))
    returns = type_expression(at)
    at.mark("=>", "before what a function returns")
    at.newlines()
    return tree.Function(
        line=name.line,
        name=name.text,
        decorators=found,
        parameters=tuple(parameters),
        returns=returns,
        body=expression(at),
    )


def _import(at: Cursor, found: Decorators) -> tree.Statement:
    if at.token.kind is Kind.STRING:
        return _extension(at, found)
    line, name, symbols = at.token.line, "", []
    if at.at_mark("*"):
        at.take()
        at.keyword("as")
        name = at.name("what is imported").text
    else:
        at.mark("{", "or `*` after import")
        symbols = at.between_brackets("}", lambda: _imported(at))
    at.keyword("from")
    source = string_value(at.plain_string("the file to import from"))
    return tree.Import(
        line=line, name=name, decorators=found, source=source, symbols=tuple(symbols)
    )


def _imported(at: Cursor) -> tuple[str, str]:
    if at.token.kind is Kind.STRING:
        original = string_value(at.take())
    else:
        original = at.name("what is imported").text
    if not at.at_name("as"):
        return original, original
    at.take()
    return original, at.name("what is imported").text


def _extension(at: Cursor, found: Decorators) -> tree.Extension:
    token = at.take()
    name = string_value(token) if token.kind is Kind.STRING else token.text
    while at.token.kind not in (Kind.NEWLINE, Kind.END):
        if at.at_mark("{"):
            expression(at)
        elif at.at_name("as"):
            at.take()
            name = at.name("an extension").text
        else:
            at.take()
    return tree.Extension(line=token.line, name=name, decorators=found)


def _metadata(at: Cursor, found: Decorators) -> tree.Metadata:
    name = at.name("metadata")
    return tree.Metadata(line=name.line, name=name.text, decorators=found, value=_after_equals(at))


def _assertion(at: Cursor, found: Decorators) -> tree.Assertion:
    name = at.name("an assertion")
    return tree.Assertion(line=name.line, name=name.text, decorators=found, value=_after_equals(at))


@dataclass(frozen=True, slots=True)
class _Deployed:
    """What stands after the `=` of a resource or a module."""

    condition: tree.Expression | None
    loop: tree.Loop | None
    body: tree.Object


def _resource(at: Cursor, found: Decorators) -> tree.Resource:
    name = at.name("a resource")
    of_type = string_value(at.plain_string("the resource's type and API version"))
    existing = at.at_name("existing")
    if existing:
        at.take()
    deployed = _deployed(at)
    return tree.Resource(
        line=name.line,
        name=name.text,
        decorators=found,
        type=of_type,
        existing=existing,
        condition=deployed.condition,
        loop=deployed.loop,
        body=deployed.body,
    )


def _module(at: Cursor, found: Decorators) -> tree.Module:
    name = at.name("a module")
    source = string_value(at.plain_string("the module's file"))
    deployed = _deployed(at)
    return tree.Module(
        line=name.line,
        name=name.text,
        decorators=found,
        source=source,
        condition=deployed.condition,
        loop=deployed.loop,
        body=deployed.body,
    )


def _deployed(at: Cursor) -> _Deployed:
    at.mark("=", "before the body")
    at.newlines()
    if not at.at_mark("["):
        condition, body = _conditional_body(at)
        return _Deployed(condition, None, body)
    found = loop(at, lambda: _conditional_body(at))
    if not isinstance(found.body, tree.Object):
        raise at.expected("an object as the body of the loop")
    return _Deployed(found.condition, found, found.body)


def _conditional_body(at: Cursor) -> tuple[tree.Expression | None, tree.Object]:
    if not at.at_name("if"):
        return None, _body(at)
    at.take()
    at.mark("(", "after if")
    at.newlines()
    condition = expression(at)
    at.newlines()
    at.mark(")", "after the condition")
    at.newlines()
    return condition, _body(at)


def _body(at: Cursor) -> tree.Object:
    """An object that may hold nested resources."""
    first = at.mark("{", "of the body")
    members = at.between_brackets("}", lambda: _body_member(at))
    return tree.Object(
        line=first.line,
        text=at.text(first.start),
        properties=tuple(m for m in members if isinstance(m, tree.Property)),
        spreads=tuple(m for m in members if isinstance(m, tree.Spread)),
        resources=tuple(m for m in members if isinstance(m, tree.Resource)),
    )


def _body_member(at: Cursor) -> tree.Property | tree.Spread | tree.Resource:
    found = decorators(at)
    if at.at_name("resource") and at.ahead().kind is Kind.NAME:
        at.take()
        return _resource(at, found)
    if found:
        raise at.expected("a nested resource after the decorator")
    return object_member(at)


KEYWORDS: dict[str, Callable[[Cursor, Decorators], tree.Statement]] = {
    "targetScope": _target_scope,
    "param": _parameter,
    "var": _variable,
    "resource": _resource,
    "module": _module,
    "output": _output,
    "type": _type,
    "func": _function,
    "import": _import,
    "metadata": _metadata,
    "assert": _assertion,
    "extension": _extension,
    "provider": _extension,
}
