"""What a query in KQL names. It is read word by word, not parsed: enough to find a name that does
not exist. What a query means is not checked.

https://learn.microsoft.com/kusto/query/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from checks.monitoring.tables import COLUMNS

_OPERATORS = frozenset(
    {"and", "asc", "by", "contains", "desc", "extend", "false", "has", "has_cs", "in", "isfuzzy"}
    | {"kind", "matches", "not", "or", "order", "project", "regex", "startswith_cs", "summarize"}
    | {"top", "true", "union", "where"}
)
_FUNCTIONS = frozenset(
    {"arg_max", "avg", "bin", "coalesce", "count", "countif", "datetime_diff", "dcount", "extract"}
    | {"isnotnull", "max", "min", "now", "percentile", "sum", "sumif", "take_any", "todouble"}
    | {"toint", "tostring"}
)
_WORDS = _OPERATORS | _FUNCTIONS
"""What our queries use; a further one is added here with its first use."""

_COMMENT = re.compile(r"//[^\n]*")
_TEXT = re.compile(r'@?"(?:[^"\\]|\\.)*"|@?\'(?:[^\'\\]|\\.)*\'')
_NAME = re.compile(r"(?<![\w.{])[A-Za-z_]\w*")
_MEMBER = re.compile(r"\.\w+")
_SPAN = re.compile(r"\b\d+(?:\.\d+)?(?:e\d+|[smhd])?\b")
_MADE = re.compile(r"\b(\w+)\s*=(?![=~])|\(([\w\s,]+)\)\s*=(?![=~])")
_PARAMETER = re.compile(r"\{(\w+)\}")
_BEGIN = re.compile(r'Message startswith_cs "([^"]*)"')
_LIKE = re.compile(r'Message matches regex "([^"]*)"')
_FIELD = re.compile(r'extract\(@["\'] (\w+)=|has_cs "(\w+)=')
EXTRACT = re.compile(r"extract\(@(?:\"([^\"]+)\"|'([^']+)'), 1, Message\)")
PARAMETERS = frozenset({"TimeRange", "Grain", "Schedule"})
"""The parameters of the workbook."""


def problems(query: str, fields: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """What a query names that does not exist; `fields` are those of each event."""
    yield from _unknown_names(query)
    yield from _unknown_events(query, fields)
    yield from _unknown_fields(query, fields)
    for name in _PARAMETER.findall(query):
        if name not in PARAMETERS:
            yield f"the workbook has no parameter {name}; it has {', '.join(sorted(PARAMETERS))}"


def tables(query: str) -> set[str]:
    """The tables that it reads."""
    return set(_NAME.findall(_code(query))) & COLUMNS.keys()


def events(query: str, known: Mapping[str, object]) -> set[str]:
    """The events whose lines it reads."""
    begins = _BEGIN.findall(query)
    likes = [re.compile(one) for one in _LIKE.findall(query)]
    return {
        event
        for event in known
        if any(f"{event} ".startswith(begin) for begin in begins)
        or any(like.search(f"{event} ") for like in likes)
    }


def extracts(query: str) -> list[str]:
    """The regular expressions by which it takes fields out of a line."""
    return [first or second for first, second in EXTRACT.findall(query)]


def _code(query: str) -> str:
    """The query without texts and comments. A text may hold `//`, and a comment quotes."""
    kept = re.compile(f"({_TEXT.pattern})|{_COMMENT.pattern}").sub(
        lambda found: '""' if found[1] else "", query
    )
    return _PARAMETER.sub("1h", kept)


def _unknown_names(query: str) -> Iterator[str]:
    code = _SPAN.sub("0", _MEMBER.sub("", _code(query)))
    read = tables(query)
    if not read:
        yield f"it reads no table that is known here; those are {', '.join(sorted(COLUMNS))}"
    columns = {column for table in read for column in COLUMNS[table]}
    made = {name for found in _MADE.findall(code) for name in re.findall(r"\w+", " ".join(found))}
    for name in dict.fromkeys(_NAME.findall(code)):
        if name not in _WORDS | read | columns | made:
            yield f"{name} is no column of {', '.join(sorted(read))}, and no word of KQL known here"


def _unknown_events(query: str, fields: Mapping[str, object]) -> Iterator[str]:
    for begin in _BEGIN.findall(query):
        if not any(f"{event} ".startswith(begin) for event in fields):
            yield f'no event of shared.log begins with "{begin}"'
    for like in _LIKE.findall(query):
        if len(events(f'Message matches regex "{like}"', fields)) < like.count("|") + 1:
            yield f'"{like}" names an event that shared.log does not have'


def _unknown_fields(query: str, fields: Mapping[str, frozenset[str]]) -> Iterator[str]:
    read = events(query, fields)
    there = {field for event in read for field in fields[event]}
    for pair in _FIELD.findall(query):
        field = "".join(pair)
        if field not in there:
            whose = (
                f"no line of {', '.join(sorted(read))}" if read else "it names no event whose line"
            )
            yield f"{whose} has a field {field}"
