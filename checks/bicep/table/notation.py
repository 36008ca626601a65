"""How a type is written in the table.

"string"  "string 3..24 /^[a-z]+$/"  "secret string"  "int"  "int 1..365"  "bool"  "any"
"'Hot' | 'Cool'"          a closed set; with "| string" at its end the set is open
["string"]                an array; ["string", "1..5"] with limits of its length
{"name!": "string"}       an object; `!` marks what is required, `-` what is read-only,
                          `*` stands for properties that are not named
{"?kind": {"a": {...}}}   an object whose property `kind` says what else it has
"#SiteConfig"             the type that is written under this key in the same section
"""

import re
from collections.abc import Callable, Mapping

from checks.bicep.types import (
    BOOLEAN,
    NULL,
    TEXT,
    UNKNOWN,
    Choice,
    Constant,
    Field,
    Integer,
    Later,
    Record,
    Sequence,
    Text,
    Type,
    Variants,
)

Written = str | list["Written"] | dict[str, "Written"]
LIMITED = re.compile(
    r"(?P<secret>secret )?(?P<word>string|int)"
    r"(?: (?P<low>-?\d*)\.\.(?P<high>-?\d*))?(?: /(?P<pattern>.*)/)?"
)
CONSTANT = re.compile(r"'([^']*)'|(string)|(null)")
PLAIN: dict[str, Type] = {"bool": BOOLEAN, "any": UNKNOWN, "null": NULL}


def read(written: Written, shared: Callable[[str], Type]) -> Type:
    """The type that is written; `shared` finds the type of a key that a `#` refers to."""
    if isinstance(written, str):
        return _scalar(written, shared)
    if isinstance(written, list):
        return _array(written, shared)
    for key, choices in written.items():
        if key.startswith("?") and isinstance(choices, dict):
            return Variants(
                key=key[1:],
                shared=_fields(written, shared),
                choices={name: read(choice, shared) for name, choice in choices.items()},
            )
    rest = written.get("*")
    return Record(
        fields=_fields(written, shared), rest=None if rest is None else read(rest, shared)
    )


def _fields(written: Mapping[str, Written], shared: Callable[[str], Type]) -> dict[str, Field]:
    return {
        key.rstrip("!-"): Field(
            type=read(value, shared), required=key.endswith("!"), read_only=key.endswith("-")
        )
        for key, value in written.items()
        if key != "*" and not key.startswith(("?", "@"))
    }


def _array(written: list[Written], shared: Callable[[str], Type]) -> Sequence:
    low, high = "", ""
    if len(written) == 2:
        low, _, high = str(written[1]).partition("..")
    return Sequence(
        item=read(written[0], shared),
        minimum=int(low or 0),
        maximum=int(high) if high else None,
    )


def _scalar(written: str, shared: Callable[[str], Type]) -> Type:
    if written.startswith("#"):
        return Later(lambda: shared(written))
    if written in PLAIN:
        return PLAIN[written]
    if limits := LIMITED.fullmatch(written):
        return _limited(limits)
    constants = [
        TEXT if match[2] else NULL if match[3] else Constant(match[1])
        for match in CONSTANT.finditer(written)
    ]
    if not constants:
        raise ValueError(f"the table says {written!r}, which is no type")
    return constants[0] if len(constants) == 1 else Choice(tuple(constants))


def _limited(found: re.Match[str]) -> Type:
    low, high = (int(found[name]) if found[name] else None for name in ("low", "high"))
    if found["word"] == "int":
        return Integer(minimum=low, maximum=high)
    return Text(
        minimum=low or 0, maximum=high, pattern=found["pattern"], secure=bool(found["secret"])
    )
