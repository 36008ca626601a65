"""Text that a table and JSON can hold.

A property of a table holds 64 KiB of UTF-16. So length is counted in units of UTF-16: most
characters have one unit, an emoji has two. Half of a surrogate pair (`"\\ud800"`, which may occur
in JSON and in file names) cannot be encoded at all.
https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_ENCODING = "utf-16-le"
_FORMULA = re.compile("[\t\r\n]|[\\s\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20]")
"""How a formula begins: OWASP's list, and the same signs in full width, which some spreadsheets
take for them. Spreadsheets leave out blanks before it."""


def clean(text: str) -> str:
    """`text` with each half of a surrogate pair and each null replaced by U+FFFD."""
    if not text.isascii():
        text = text.encode(_ENCODING, "surrogatepass").decode(_ENCODING, "replace")
    return text.replace("\0", "\ufffd")


def is_clean(text: str) -> bool:
    """Whether `clean` leaves it as it is."""
    return (text.isascii() and "\0" not in text) or clean(text) == text


def refuse_unclean(value: object) -> None:
    """Raise `ValueError` unless all texts in a JSON value are clean, including names in objects."""
    if not all(is_clean(one) for one in parts(value) if isinstance(one, str)):
        raise ValueError("it holds half of a surrogate pair, or a null character")


def parts(value: object) -> Iterator[object]:
    """All parts of a JSON value, however deep: itself first, and also the names in objects."""
    left = [value]
    while left:
        one = left.pop()
        yield one
        left += _inner(one)
        if isinstance(one, dict):
            left += one


def formula_safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: one that begins like one gets a ' before it.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{text}" if _FORMULA.match(text) else text


def units(text: str) -> int:
    """The length of `text`, in units of UTF-16."""
    return len(text) if text.isascii() else len(text.encode(_ENCODING, "surrogatepass")) // 2


def cut(text: str, most: int) -> str:
    """The beginning of a clean text: at most `most` units, and no half of a surrogate pair."""
    text = text[:most]
    if units(text) <= most:
        return text
    return text.encode(_ENCODING, "surrogatepass")[: 2 * most].decode(_ENCODING, "ignore")


def those(names: Iterable[str]) -> str:
    """ "there are a, b"; "there is only a"; "there is none"."""
    known = list(names)
    if not known:
        return "there is none"
    return f"there is only {known[0]}" if len(known) == 1 else f"there are {', '.join(known)}"


def depth(value: object) -> int:
    """How many levels of lists and objects a JSON value has; 0 for a plain value."""
    found = 0
    level = [value]
    while level := [one for one in level if isinstance(one, dict | list | tuple)]:
        found += 1
        level = [inner for one in level for inner in _inner(one)]
    return found


def _inner(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list | tuple) else ()
