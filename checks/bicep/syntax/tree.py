"""What a Bicep file says, as a tree: expressions, type expressions, declarations.

`line` counts from 1; `text` is the source of an expression.
"""

from dataclasses import dataclass

Value = str | int | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    line: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal(Node):
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpolated(Node):
    parts: "tuple[str | Expression, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Name(Node):
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Node):
    """`of.name`, or `of.?name` (safe)."""

    of: "Expression"
    name: str
    safe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Index(Node):
    """`of[at]`, or `of[?at]` (safe)."""

    of: "Expression"
    at: "Expression"
    safe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Nested(Node):
    """`of::name`: the resource `name` that stands in the resource `of`."""

    of: "Expression"
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotNull(Node):
    """`of!`"""

    of: "Expression"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Node):
    """`name(...)`, or a method: `of.name(...)`."""

    of: "Expression | None"
    name: str
    arguments: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary(Node):
    operator: str
    operand: "Expression"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary(Node):
    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ternary(Node):
    condition: "Expression"
    yes: "Expression"
    no: "Expression"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lambda(Node):
    parameters: tuple[str, ...]
    body: "Expression"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop(Node):
    """`[for item in over: body]`, or `[for (item, index) in over: if (condition) body]`."""

    item: str
    index: str | None
    over: "Expression"
    condition: "Expression | None"
    body: "Expression"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread(Node):
    """`...of`, in an object or an array."""

    of: "Expression"


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """`key` is None where it is interpolated; then `computed` holds the expression."""

    line: int
    key: str | None
    computed: "Expression | None"
    value: "Expression"


@dataclass(frozen=True, slots=True, kw_only=True)
class Object(Node):
    properties: tuple[Property, ...]
    spreads: tuple[Spread, ...] = ()
    resources: "tuple[Resource, ...]" = ()

    def get(self, key: str) -> "Expression | None":
        return next((found.value for found in self.properties if found.key == key), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Array(Node):
    items: "tuple[Expression, ...]"


Expression = (
    Literal
    | Interpolated
    | Name
    | Member
    | Index
    | Nested
    | NotNull
    | Call
    | Unary
    | Binary
    | Ternary
    | Lambda
    | Loop
    | Spread
    | Object
    | Array
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeName(Node):
    """`string`, `settings`, `shared.settings`, `settings.name`."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeLiteral(Node):
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeUnion(Node):
    members: "tuple[TypeExpression, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeArray(Node):
    item: "TypeExpression"


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeTuple(Node):
    items: "tuple[TypeExpression, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeNullable(Node):
    of: "TypeExpression"


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeOfResource(Node):
    """`resourceInput<'type@version'>`, `resourceOutput<...>`, and what may follow it."""

    resource_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeProperty:
    line: int
    name: str
    type: "TypeExpression"
    decorators: "tuple[Decorator, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeObject(Node):
    """`rest` is the type of `*:`."""

    properties: tuple[TypeProperty, ...]
    rest: "TypeExpression | None"


TypeExpression = (
    TypeName
    | TypeLiteral
    | TypeUnion
    | TypeArray
    | TypeTuple
    | TypeNullable
    | TypeOfResource
    | TypeObject
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decorator:
    line: int
    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    line: int
    name: str
    decorators: tuple[Decorator, ...] = ()

    def decorator(self, name: str) -> Decorator | None:
        return next((found for found in self.decorators if found.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(Declaration):
    type: TypeExpression
    default: Expression | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable(Declaration):
    type: TypeExpression | None
    value: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Output(Declaration):
    type: TypeExpression
    value: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedType(Declaration):
    type: TypeExpression


@dataclass(frozen=True, slots=True, kw_only=True)
class Function(Declaration):
    parameters: tuple[tuple[str, TypeExpression], ...]
    returns: TypeExpression
    body: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource(Declaration):
    """`type` as it stands in the file: without its parent's in a nested resource."""

    type: str
    existing: bool
    condition: Expression | None
    loop: Loop | None
    body: Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Module(Declaration):
    """`source` as it stands in the file."""

    source: str
    condition: Expression | None
    loop: Loop | None
    body: Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Import(Declaration):
    """`import {original as local} from source`; `name` is that of `* as name`, else empty."""

    source: str
    symbols: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion(Declaration):
    value: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata(Declaration):
    value: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetScope(Declaration):
    """`name` is the scope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension(Declaration):
    """`extension microsoftGraph`: what it declares is unknown here."""


Statement = (
    Parameter
    | Variable
    | Output
    | NamedType
    | Function
    | Resource
    | Module
    | Import
    | Assertion
    | Metadata
    | TargetScope
    | Extension
)
