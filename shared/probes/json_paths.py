"""One value out of a JSON document, by a path of RFC 9535. Pure.

The path and the document are strangers'. So a path may not cost more than one walk through the
document: no regular expressions, at most one `..`, one `?`, three `*`, one slice, two `@`, and no
lists of selectors.
The document has 256 KiB at most, and `DEEPEST` levels.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from shared.text import depth

if TYPE_CHECKING:
    from jsonpath import JSONPath, JSONPathEnvironment

LONGEST = 200
"""Characters of a path."""
DEEPEST = 60
"""Levels of a document."""
_SHOWN = 200
_MOST = {"..": 1, "?": 1, "$": 1, "*": 3, ",": 0, "@": 2, ":": 3, "[": 12, "&&": 2, "||": 2}
"""How often a path may contain each, in quotes or not. What stands in a filter is done at each
place of the document, so also `@`, slices and `&&` cost a walk each."""


def hold(path: str) -> None:
    """Raise `ValueError` unless the path can be used."""
    if len(path) > LONGEST:
        raise ValueError(f"it has {len(path)} characters; {LONGEST} can be")
    for part, most in _MOST.items():
        if path.count(part) > most:
            raise ValueError(f"it has {part!r} {path.count(part)} times; {most} can be")
    _compiled(path)


def value(path: str, document: bytes) -> tuple[bool, str]:
    """(whether the document has a value there, the value as text): a text as it is, all else as
    JSON; cut to 200 characters. Raises `ValueError` if the document is none, or too deep."""
    try:
        parsed = json.loads(document)
    except RecursionError:
        raise ValueError(f"the JSON has more than {DEEPEST} levels") from None
    except ValueError:
        raise ValueError("the answer is no JSON") from None
    if depth(parsed) > DEEPEST:
        raise ValueError(f"the JSON has more than {DEEPEST} levels")
    found = list(islice(_compiled(path).finditer(parsed), 1))
    if not found:
        return False, ""
    one = found[0].obj
    return True, (one if isinstance(one, str) else json.dumps(one))[:_SHOWN]


def _compiled(path: str) -> JSONPath:
    from jsonpath import JSONPath, JSONPathError

    try:
        made = _environment().compile(path)
    except (JSONPathError, RecursionError) as error:
        first = str(error).partition("\n")[0]
        raise ValueError(f"it is no JSON path, such as $.status ({first:.100})") from None
    if not isinstance(made, JSONPath):
        raise ValueError("give one JSON path")
    return made


@cache
def _environment() -> JSONPathEnvironment:
    from jsonpath import JSONPathEnvironment

    made = JSONPathEnvironment(strict=True)
    for name in ("match", "search"):
        made.function_extensions.pop(name)
    return made
