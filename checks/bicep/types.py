"""Types of values, the same for what Azure's resources take and for what a Bicep file declares."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string; lengths in characters; `pattern` is a regular expression."""

    minimum: int = 0
    maximum: int | None = None
    pattern: str | None = None
    secure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer:
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Boolean:
    pass


@dataclass(frozen=True, slots=True)
class Null:
    pass


@dataclass(frozen=True, slots=True)
class Unknown:
    """Anything: nothing can be said of it."""


@dataclass(frozen=True, slots=True)
class Constant:
    value: str | int | bool


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several types, most often of constants."""

    members: "tuple[Type, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    item: "Type"
    minimum: int = 0
    maximum: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    type: "Type"
    required: bool = False
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An object. `rest` is the type of properties that are not named; None where there are none."""

    fields: Mapping[str, Field]
    rest: "Type | None" = None
    secure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Variants:
    """An object whose property `key`, a constant, says which further properties it has."""

    key: str
    shared: Mapping[str, Field]
    choices: "Mapping[str, Type]"


class Later:
    """A type that is looked up when it is needed: types may contain themselves."""

    def __init__(self, look_up: "Callable[[], Type]") -> None:
        self._look_up = look_up
        self._found: Type | None = None
        self._looking = False

    @property
    def found(self) -> "Type":
        """Unknown for a type that is nothing but itself."""
        if self._looking:
            return Unknown()
        if self._found is None:
            self._looking = True
            self._found = resolved(self._look_up())
            self._looking = False
        return self._found


Type = (
    Text
    | Integer
    | Boolean
    | Null
    | Unknown
    | Constant
    | Choice
    | Sequence
    | Record
    | Variants
    | Later
)

UNKNOWN = Unknown()
TEXT = Text()
INTEGER = Integer()
BOOLEAN = Boolean()
NULL = Null()
OBJECT = Record(fields={}, rest=UNKNOWN)
ARRAY = Sequence(item=UNKNOWN)
NOTHING = Choice(())
"""The type of the items of an empty array."""


def resolved(of: Type) -> Type:
    """The type itself, never a `Later`."""
    return of.found if isinstance(of, Later) else of


def members(of: Type) -> tuple[Type, ...]:
    """The types that a value of this type may have, those of nested choices one by one."""
    return tuple(_members(of, set()))


def _members(of: Type, seen: set[int]) -> Iterator[Type]:
    """A choice that contains itself is followed once."""
    of = resolved(of)
    if not isinstance(of, Choice):
        yield of
    elif id(of) not in seen:
        seen.add(id(of))
        for member in of.members:
            yield from _members(member, seen)


def either(*types: Type) -> Type:
    """A choice of the types; the type itself if there is one only, NOTHING if there is none."""
    distinct: list[Type] = []
    for one in types:
        distinct += [member for member in members(one) if member not in distinct]
    if UNKNOWN in distinct:
        return UNKNOWN
    return distinct[0] if len(distinct) == 1 else Choice(tuple(distinct))


def nullable(of: Type) -> Type:
    return Choice((of, NULL))


def takes_null(of: Type) -> bool:
    return any(isinstance(member, Null | Unknown) for member in members(of))


def without_null(of: Type) -> Type:
    left = [member for member in members(of) if not isinstance(member, Null)]
    return either(*left) if left else NULL


def is_secure(of: Type) -> bool:
    return any(isinstance(member, Text | Record) and member.secure for member in members(of))


def word(of: Type) -> str:
    """How a message names the type."""
    of = resolved(of)
    match of:
        case Constant(value=value):
            return repr(value) if isinstance(value, str) else str(value).lower()
        case Choice():
            return " | ".join(dict.fromkeys(word(member) for member in members(of)))
        case Sequence(item=item):
            inner = resolved(item)
            if isinstance(inner, Unknown) or inner == NOTHING:
                return "array"
            return f"({word(inner)})[]" if isinstance(inner, Choice) else f"{word(inner)}[]"
    return WORDS[type(of)]


WORDS: dict[type, str] = {
    Text: "string",
    Integer: "int",
    Boolean: "bool",
    Null: "null",
    Unknown: "any",
    Record: "object",
    Variants: "object",
}
