"""Parameters with an item's values in them. Pure.

A *reference* is an object `{"item": "NAME"}`: the value of that name in the item stands in its
place. `{"item": "NAME", "as": "integer"}` reads a text first, as those of a CSV file are: as
`integer`, `number`, `boolean` or `text`. `{"literal": VALUE}` stands for the value as it is
written, should it look like one of these.

That is all. A reference is a whole value, never a part of a text; names of fields are never
replaced; what an item holds is put in as it is, and is not looked through again. So an item cannot
add a field, refer to another, or reach anything but its own values: there is no expression, no
attribute, no format.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping

from shared.batch.model import Item
from shared.errors import Invalid

NAME = re.compile(r"[^\x00-\x1f\x7f!]{1,100}")
"""What a name in an item looks like."""
MOST = 30_000
"""The most characters of parameters as JSON, as in a schedule."""
_ITEM, _AS, _LITERAL = "item", "as", "literal"
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,2})?", re.ASCII)


def references(template: object, field: str) -> Iterator[str]:
    """The names that a template refers to. Raises `Invalid` naming `field` if a reference is not
    well formed."""
    if isinstance(template, list):
        for one in template:
            yield from references(one, field)
    elif isinstance(template, dict):
        if _is_reference(template):
            yield _checked(template, field)
        elif not _is_literal(template):
            for one in template.values():
                yield from references(one, field)


def filled(template: object, item: Item, field: str) -> object:
    """The template with the item's values. Raises `Invalid` naming `field`: for a name that the
    item does not have, a text that does not read as was asked, or a result that is too long."""
    made = _filled(template, item, field)
    if len(json.dumps(made)) > MOST:
        raise Invalid(field, f"with the item's values it has more than {MOST} characters of JSON")
    return made


def _filled(template: object, item: Item, field: str) -> object:
    if isinstance(template, list):
        return [_filled(one, item, field) for one in template]
    if not isinstance(template, dict):
        return template
    if _is_reference(template):
        return _value(template, item, field)
    if _is_literal(template):
        return template[_LITERAL]
    return {name: _filled(one, item, field) for name, one in template.items()}


def _is_reference(value: Mapping[str, object]) -> bool:
    return _ITEM in value and value.keys() <= {_ITEM, _AS}


def _is_literal(value: Mapping[str, object]) -> bool:
    return value.keys() == {_LITERAL}


def _checked(reference: Mapping[str, object], field: str) -> str:
    name, how = reference[_ITEM], reference.get(_AS, "text")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Invalid(field, 'a reference is {"item": "NAME"}, with the name of one of its values')
    if not isinstance(how, str) or how not in _READ:
        raise Invalid(field, f'"as" is one of {", ".join(_READ)}')
    return name


def _value(reference: Mapping[str, object], item: Item, field: str) -> object:
    name = _checked(reference, field)
    if name not in item:
        raise Invalid(field, f"the item has no value {name!r}")
    value = item[name]
    if _AS not in reference:
        return value
    try:
        return _READ[str(reference[_AS])](value)
    except ValueError:
        raise Invalid(field, f"{name!r} of the item is no {reference[_AS]}") from None


def _integer(value: object) -> object:
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(value)


def _number(value: object) -> object:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise ValueError(value)


def _boolean(value: object) -> object:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and (word := value.strip().casefold()) in ("true", "false"):
        return word == "true"
    raise ValueError(value)


def _text(value: object) -> object:
    if value is None or isinstance(value, list | dict):
        raise ValueError(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


_READ: Mapping[str, Callable[[object], object]] = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
}
