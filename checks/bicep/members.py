"""What can be read from a value: the properties and the items of its type."""

from checks.bicep.types import (
    UNKNOWN,
    Null,
    Record,
    Sequence,
    Type,
    Unknown,
    Variants,
    either,
    members,
)


def member(of: Type, name: str) -> Type | None:
    """The type of a property; None if no value of this type has it."""
    parts = members(of)
    found = [one for part in parts for one in _member(part, name)]
    return either(*found) if found or not parts else None


def _member(of: Type, name: str) -> list[Type]:
    match of:
        case Unknown():
            return [UNKNOWN]
        case Record(fields=fields, rest=rest):
            if name in fields:
                return [fields[name].type]
            return [] if rest is None else [rest]
        case Variants(shared=shared, choices=choices):
            own = [shared[name].type] if name in shared else []
            return own + [
                one
                for choice in choices.values()
                for part in members(choice)
                for one in _member(part, name)
            ]
    return []


def is_missing_in_some(of: Type, name: str) -> bool:
    """Whether some of the objects that the value may be have the property, and some have not."""
    records = [part for part in members(of) if isinstance(part, Record)]
    return 0 < sum(name not in one.fields and one.rest is None for one in records) < len(records)


def member_names(of: Type) -> set[str]:
    """The names of all properties that a value of this type may have."""
    found: set[str] = set()
    for part in members(of):
        if isinstance(part, Record):
            found |= part.fields.keys()
        elif isinstance(part, Variants):
            found |= part.shared.keys()
            found |= {name for choice in part.choices.values() for name in member_names(choice)}
    return found


def has_members(of: Type) -> bool:
    """Whether a property can be read at all; null aside."""
    parts = members(of)
    return not parts or any(isinstance(part, Record | Variants | Unknown) for part in parts)


def item(of: Type) -> Type | None:
    """The type of an array's items; None if the value can be no array."""
    parts = members(of)
    found = [UNKNOWN for part in parts if isinstance(part, Unknown)]
    items = [part.item for part in parts if isinstance(part, Sequence)]
    return either(*found, *items) if found or items or not parts else None


def is_null(of: Type) -> bool:
    return all(isinstance(part, Null) for part in members(of))


def values(of: Type) -> Type:
    """What the properties of an object hold, whichever they are."""
    found: list[Type] = []
    for part in members(of):
        if not isinstance(part, Record):
            return UNKNOWN
        found += [field.type for field in part.fields.values()]
        if part.rest is not None:
            found.append(part.rest)
    return either(*found)
