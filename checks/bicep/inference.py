"""The types of expressions. On the way, what is wrong in them is reported: names, calls, reads."""

from dataclasses import replace

from checks.bicep.assignable import assignable
from checks.bicep.declared import declared, of_parameter
from checks.bicep.here import Here, nested, resource
from checks.bicep.members import has_members, is_missing_in_some, item, member, member_names
from checks.bicep.similar import instead
from checks.bicep.syntax import tree
from checks.bicep.types import (
    BOOLEAN,
    INTEGER,
    NULL,
    TEXT,
    UNKNOWN,
    Constant,
    Field,
    Record,
    Sequence,
    Type,
    either,
    nullable,
    resolved,
    takes_null,
    without_null,
    word,
)
from checks.bicep.unit import Imported, Unit

COMPARISONS = frozenset({"==", "!=", "=~", "!~", "<", ">", "<=", ">="})
ALWAYS = frozenset({"id", "name", "type", "apiVersion"})
"""What is known of a resource or a module even if it is not deployed."""
NAMESPACES = frozenset({"az", "sys"})


def infer(of: tree.Expression, here: Here) -> Type:
    """The type of the expression; Unknown where nothing can be said."""
    match of:
        case tree.Literal(value=value):
            return NULL if value is None else Constant(value)
        case tree.Interpolated(parts=parts):
            for part in parts:
                if not isinstance(part, str):
                    infer(part, here)
            return TEXT
        case tree.Name():
            return _name(of, here)
        case tree.Member():
            return _member(of, here)
        case tree.Index():
            return _index(of, here)
        case tree.Nested():
            return _nested(of, here)
        case tree.NotNull(of=inner):
            return without_null(infer(inner, here))
        case tree.Call():
            from checks.bicep.calls import call

            return call(of, here)
        case tree.Unary(operator=operator, operand=operand):
            _operand(operand, BOOLEAN if operator == "!" else INTEGER, operator, here)
            return BOOLEAN if operator == "!" else INTEGER
        case tree.Binary():
            return _binary(of, here)
        case tree.Ternary(condition=condition, yes=yes, no=no):
            _operand(condition, BOOLEAN, "?", here)
            guarded = replace(here, guarded=True)
            return either(infer(yes, guarded), infer(no, guarded))
        case tree.Lambda(parameters=names, body=body):
            return infer(body, here.knowing(dict.fromkeys(names, UNKNOWN)))
        case tree.Loop():
            return Sequence(item=infer(of.body, loop_scope(of, here)))
        case tree.Spread(of=inner):
            return infer(inner, here)
        case tree.Object():
            return _object(of, here)
        case tree.Array(items=items):
            return _array(items, here)


def _name(of: tree.Name, here: Here) -> Type:
    unit = here.unit
    unit.used.add(of.name)
    if of.name in here.locals:
        return here.locals[of.name]
    if imported := unit.imported.get(of.name):
        return _imported(imported)
    if of.name in unit.unknown:
        return UNKNOWN
    declaration = unit.symbols.get(of.name)
    match declaration:
        case tree.Parameter():
            return of_parameter(unit, declaration)
        case tree.Variable():
            return variable(declaration, unit)
        case tree.Resource():
            return resource(unit.resources[of.name])
        case tree.Module():
            return module(declaration, unit)
        case tree.NamedType() | tree.Function():
            here.report(of.line, f"{of.name} is a type or a function, and no value")
            return UNKNOWN
    known = unit.names() | here.locals.keys()
    here.report(of.line, f"the name {of.name} is not defined{_close(of.name, known)}")
    return UNKNOWN


def _close(name: str, known: set[str]) -> str:
    suggestion = instead(name, known)
    return suggestion if "did you mean" in suggestion else ""


def _imported(imported: Imported) -> Type:
    declaration = imported.unit.symbols[imported.original]
    if isinstance(declaration, tree.Variable):
        return variable(declaration, imported.unit)
    return UNKNOWN


def variable(found: tree.Variable, unit: Unit) -> Type:
    """The type of a variable, looked at once; Unknown within itself."""
    if found.name not in unit.variables:
        unit.variables[found.name] = UNKNOWN
        inferred = infer(found.value, Here(unit))
        unit.variables[found.name] = declared(unit, found.type) if found.type else inferred
    return unit.variables[found.name]


def module(found: tree.Module, unit: Unit) -> Type:
    """`name` and `outputs`; in a loop, an array of them."""
    other = unit.modules.get(found.name)
    outputs: Type = UNKNOWN
    if other and other.readable:
        outputs = Record(
            fields={
                name: Field(type=declared(other, output.type, output.decorators))
                for name, output in other.outputs.items()
            }
        )
    body = Record(fields={"name": Field(type=TEXT), "outputs": Field(type=outputs)})
    return Sequence(item=body) if found.loop else body


def _member(of: tree.Member, here: Here) -> Type:
    if isinstance(of.of, tree.Name) and (other := here.unit.wildcards.get(of.of.name)):
        return _exported(of, other, here)
    value = infer(of.of, here)
    if not of.safe and not here.guarded and of.name not in ALWAYS:
        _check_deployed(of, here)
    source = without_null(value)
    found = member(source, of.name)
    if found is None:
        if not of.safe:
            here.report(of.line, _cannot_read(of, source))
        return UNKNOWN
    checked = not of.safe and not here.guarded and not isinstance(of.of, tree.Index)
    if checked and is_missing_in_some(source, of.name):
        here.report(
            of.line,
            f"{of.of.text} does not always have a property {of.name}: read it as .?{of.name}",
        )
    return nullable(found) if of.safe and takes_null(value) else found


def _check_deployed(of: tree.Member, here: Here) -> None:
    """What has a condition may not be there when it is read (BCP318 of the compiler)."""
    inner = of.of.of if isinstance(of.of, tree.Index) else of.of
    if not isinstance(inner, tree.Name) or inner.name in here.locals:
        return
    declaration = here.unit.symbols.get(inner.name)
    if isinstance(declaration, tree.Resource | tree.Module) and declaration.condition:
        here.report(
            of.line,
            f"{inner.name} is deployed only if {declaration.condition.text}:"
            f" read it under that condition, or as {inner.name}.?{of.name}",
        )


def _exported(of: tree.Member, other: Unit, here: Here) -> Type:
    here.unit.used.add(str(of.of.text))
    declaration = other.symbols.get(of.name)
    if isinstance(declaration, tree.Variable) and declaration.decorator("export"):
        return variable(declaration, other)
    here.report(of.line, f"{other.path.name} exports no variable {of.name}")
    return UNKNOWN


def _cannot_read(of: tree.Member, source: Type) -> str:
    said = " ".join(of.of.text.split())
    if item(source) is not None:
        return f"{said} is an array and has no property {of.name}: read one of its items, [0]"
    if not has_members(source):
        return f"{said} is {word(source)} and has no property {of.name}"
    return f"{said} has no property {of.name}{instead(of.name, member_names(source))}"


def _index(of: tree.Index, here: Here) -> Type:
    value = infer(of.of, here)
    key = resolved(infer(of.at, here))
    source = without_null(value)
    if isinstance(key, Constant) and isinstance(key.value, str):
        found = member(source, key.value)
        if found is None and not of.safe:
            line = of.at.line
            read = tree.Member(line=line, text=of.text, of=of.of, name=key.value)
            here.report(line, _cannot_read(read, source))
        return found or UNKNOWN
    found = item(source)
    if found is None and not has_members(source):
        here.report(of.at.line, f"{of.of.text} is {word(source)} and has no items")
    return found or UNKNOWN


def _nested(of: tree.Nested, here: Here) -> Type:
    placed = nested(of, here)
    if placed is None:
        return UNKNOWN
    return resource(placed)


def _binary(of: tree.Binary, here: Here) -> Type:
    if of.operator == "??":
        return either(without_null(infer(of.left, here)), infer(of.right, here))
    if of.operator in COMPARISONS:
        infer(of.left, here)
        infer(of.right, here)
        return BOOLEAN
    wanted = BOOLEAN if of.operator in ("&&", "||") else INTEGER
    _operand(of.left, wanted, of.operator, here)
    _operand(of.right, wanted, of.operator, here)
    return wanted


def _operand(of: tree.Expression, wanted: Type, operator: str, here: Here) -> None:
    given = infer(of, here)
    if not assignable(given, wanted):
        hint = "; join strings with '${a}${b}'" if operator == "+" else ""
        here.report(
            of.line, f"`{operator}` takes {word(wanted)}, and {of.text} is {word(given)}{hint}"
        )


def loop_scope(of: tree.Loop, here: Here) -> Here:
    """Where the body of a loop stands. What cannot be looped over is reported."""
    over = infer(of.over, here)
    found = item(without_null(over))
    if found is None:
        here.report(
            of.over.line,
            f"a loop runs over an array, and {of.over.text} is {word(over)};"
            " items(...) makes an array of an object",
        )
    names = {of.item: found or UNKNOWN} | ({of.index: INTEGER} if of.index else {})
    inside = here.knowing(names)
    if of.condition:
        _operand(of.condition, BOOLEAN, "if", inside)
    return inside


def _object(of: tree.Object, here: Here) -> Type:
    fields: dict[str, Field] = {}
    rest: Type | None = None
    for found in of.properties:
        value = infer(found.value, here)
        if found.key is None:
            if found.computed:
                infer(found.computed, here)
            rest = UNKNOWN
        elif found.key in fields:
            here.report(found.line, f"the property {found.key} is given twice")
        else:
            fields[found.key] = Field(type=value)
    for spread in of.spreads:
        rest = UNKNOWN
        infer(spread, here)
    return Record(fields=fields, rest=rest)


def _array(items: tuple[tree.Expression, ...], here: Here) -> Type:
    found: list[Type] = []
    for one in items:
        of = infer(one, here)
        found.append((item(of) or UNKNOWN) if isinstance(one, tree.Spread) else of)
    return Sequence(item=either(*found))
