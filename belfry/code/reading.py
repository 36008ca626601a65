"""YAML, read strictly: plain values, each with the line that it stands on.

A file of schedules is reviewed by people, so it has no surprise: no aliases (a few lines of them
can stand for billions of values), no tags, no key twice, no second document. Only `true` and
`false` are booleans, only decimal digits are integers, and times stay the text that they are (the
core schema of YAML 1.2, https://yaml.org/spec/1.2.2/#103-core-schema, with less).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from belfry.problems import Exit, Failure

LARGEST = 1_000_000
"""Bytes of a file."""
_DEEPEST = 30

Place: TypeAlias = tuple[str | int, ...]
"""Where a value is: the keys and numbers that lead to it."""


@dataclass(frozen=True)
class Source:
    """A file that was read."""

    path: Path
    value: Any
    lines: Mapping[Place, int]

    def line(self, place: Place) -> int:
        """The line of the value there; if there is none, of what it would be in."""
        while place not in self.lines and place:
            place = place[:-1]
        return self.lines.get(place, 1)

    def wrong(self, place: Place, said: str) -> str:
        """A line of an error message."""
        where = ".".join(map(str, place))
        return f"{self.path}:{self.line(place)}: {where + ': ' if where else ''}{said}"


class _Wrong(Exception):
    def __init__(self, line: int, said: str) -> None:
        super().__init__(said)
        self.line = line
        self.said = said


class _Loader(yaml.SafeLoader):
    """Composes nodes, and refuses what is not wanted while it does, before it costs anything."""

    yaml_implicit_resolvers: Any = {}  # noqa: RUF012 (as in the base)
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _Wrong(line, "anchors and aliases are refused; write it out")
        if getattr(event, "tag", None) is not None:
            raise _Wrong(line, f"the tag {event.tag!r:.60} is refused")
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _Wrong(line, f"more than {_DEEPEST} lists and objects stand in each other")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("int", r"-?(?:0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?", "-0123456789"),
    ("null", r"null|~|", ["n", "~", ""]),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first)
    )


def read(path: Path) -> Source:
    """The file. Raises `Failure`, naming the line."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise Failure(Exit.WRONG, f"{path} cannot be read: {error.strerror}") from error
    if len(data) > LARGEST:
        raise Failure(Exit.WRONG, f"{path} has more than {LARGEST:,} bytes; split it")
    return parsed(path, data)


def parsed(path: Path, data: bytes) -> Source:
    """The value of a file with these bytes. Raises `Failure`."""
    lines: dict[Place, int] = {}
    try:
        loader = _Loader(data.decode("utf-8-sig"))
        node = loader.get_single_node()
        value = None if node is None else _value(node, (), lines)
    except _Wrong as error:
        raise Failure(Exit.WRONG, f"{path}:{error.line}: {error.said}") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Failure(Exit.WRONG, f"{path}:{line}: it is not UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise Failure(Exit.WRONG, f"{path}:{line}: not YAML: {error.problem}") from error
    except yaml.reader.ReaderError as error:
        said = f"{path}: it holds a character that YAML has not, at place {error.position}"
        raise Failure(Exit.WRONG, said) from error
    return Source(path, value, lines)


def _value(node: yaml.Node, place: Place, lines: dict[Place, int]) -> Any:
    lines[place] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        return _object(node, place, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_value(one, (*place, number), lines) for number, one in enumerate(node.value)]
    return _scalar(node)


def _object(node: yaml.MappingNode, place: Place, lines: dict[Place, int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or not key.tag.endswith(":str"):
            raise _Wrong(line, "a key must be text; put it in quotes")
        name = str(key.value)
        if name in found:
            raise _Wrong(line, f"the key {name!r:.80} is there twice")
        found[name] = _value(value, (*place, name), lines)
        lines[(*place, name)] = line
    return found


def _scalar(node: yaml.Node) -> Any:
    text = str(node.value)
    match node.tag.rpartition(":")[2]:
        case "bool":
            return text == "true"
        case "int" if len(text) <= _DIGITS:
            return int(text)
        case "float" if math.isfinite(float(text)):
            return float(text)
        case "null":
            return None
        case "str":
            return text
    raise _Wrong(node.start_mark.line + 1, "the number is too large")


_DIGITS = 20
