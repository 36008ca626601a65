"""Expressions and types as plain data, for checks that look at what is deployed."""

from dataclasses import dataclass

from checks.bicep.syntax import tree


@dataclass(frozen=True, slots=True)
class Expression:
    """What is no literal, as it stands in the file."""

    text: str


Plain = str | int | bool | None | Expression | list["Plain"] | dict[str, "Plain"]


def plain(of: tree.Expression) -> Plain:
    """Literals, objects and arrays as Python has them; all else as Expression.

    A property whose name is interpolated has the source of that name; what is spread into an
    object has its source (`...name`) as its key.
    """
    match of:
        case tree.Literal(value=value):
            return value
        case tree.Object(properties=properties, spreads=spreads):
            found = {
                found.computed.text if found.computed else str(found.key): plain(found.value)
                for found in properties
            }
            return found | {spread.text: Expression(spread.of.text) for spread in spreads}
        case tree.Array(items=items):
            return [plain(item) for item in items]
    return Expression(of.text)


def plain_type(of: tree.TypeExpression) -> str | dict[str, str]:
    """The source of a type; of an object type each property's, `*` among them."""
    if not isinstance(of, tree.TypeObject):
        return of.text
    rest = {"*": of.rest.text} if of.rest else {}
    return {found.name: found.type.text for found in of.properties} | rest
