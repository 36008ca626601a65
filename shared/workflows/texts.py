"""JSON and YAML, read strictly: the texts in which people write definitions.

YAML is read by its core schema (https://yaml.org/spec/1.2.2/#103-core-schema) with less: no
aliases, of which a few lines can stand for billions of values, no tags, and no key twice. Only
`true` and `false` are booleans, so `on`, `no` and `yes` stay text, and so do times.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

from shared.errors import Invalid
from shared.text import depth

LARGEST = 256 * 1024
"""Bytes of a definition."""
DEEPEST = 30
"""How deep lists and objects may stand in each other."""
FIELD = "definition"
"""What the API calls it."""
_DIGITS = 20
_BOOL = re.compile("true|false")
_INT = re.compile("-?(?:0|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(r"-?[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NULL = re.compile("null|~|")


def from_json(data: bytes) -> object:
    """The value. Raises `Invalid`."""

    def wrong(text: str) -> Any:
        raise Invalid(FIELD, f"{text} is no number of JSON")

    try:
        return json.loads(_text(data), object_pairs_hook=_pairs, parse_constant=wrong)
    except RecursionError:
        raise Invalid(FIELD, _too_deep()) from None
    except json.JSONDecodeError as error:
        said = f"not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        raise Invalid(FIELD, said) from None
    except ValueError as error:  # an integer of thousands of digits
        raise Invalid(FIELD, f"not JSON: {error}") from None


def from_yaml(data: bytes) -> object:
    """The value. Raises `Invalid`, naming the line."""
    import yaml

    text = _text(data)
    try:
        loader = yaml.SafeLoader(text)
        _refuse(loader)
        return _Values(yaml).value(yaml.SafeLoader(text).get_single_node(), 0)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise Invalid(FIELD, f"not YAML: line {line}: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        said = f"it holds a character that YAML has not, at place {error.position}"
        raise Invalid(FIELD, said) from None


def hold_depth(value: object) -> None:
    """Raise `Invalid` if too many lists and objects stand in each other."""
    if depth(value) > DEEPEST:
        raise Invalid(FIELD, _too_deep())


def _refuse(loader: Any) -> None:
    """Refuse what is not wanted while it is only events, before it costs anything."""
    deep = 0
    while loader.check_event():
        found = loader.get_event()
        line = found.start_mark.line + 1 if found.start_mark is not None else 1
        name = type(found).__name__
        if name == "AliasEvent" or getattr(found, "anchor", None) is not None:
            raise _at(line, "anchors and aliases are refused; write it out")
        if getattr(found, "tag", None) is not None:
            raise _at(line, f"the tag {found.tag!r:.60} is refused")
        deep += name.endswith("StartEvent") - name.endswith("EndEvent")
        if deep > DEEPEST + 2:  # the stream and the document count as well
            raise _at(line, _too_deep())


class _Values:
    """Nodes -> values. `yaml` is the module, which is imported only if somebody sends YAML."""

    def __init__(self, yaml: Any) -> None:
        self._yaml = yaml

    def value(self, node: Any, line: int) -> object:
        if node is None:
            return None
        line = node.start_mark.line + 1
        if isinstance(node, self._yaml.MappingNode):
            return self._object(node)
        if isinstance(node, self._yaml.SequenceNode):
            return [self.value(one, line) for one in node.value]
        return _scalar(str(node.value), line) if node.style is None else str(node.value)

    def _object(self, node: Any) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, self._yaml.ScalarNode):
                raise _at(line, "a key must be text")
            if key.value in found:
                raise _at(line, f"the key {key.value!r:.80} is there twice")
            found[str(key.value)] = self.value(value, line)
        return found


def _scalar(text: str, line: int) -> object:
    """What stands there without quotes."""
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text == "true"
    if _INT.fullmatch(text) and len(text) <= _DIGITS:
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    if _INT.fullmatch(text) or _FLOAT.fullmatch(text):
        raise _at(line, "the number is too large")
    return text


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Invalid(FIELD, f"the name {twice!r:.80} is there twice in one object")
    return found


def _text(data: bytes) -> str:
    if len(data) > LARGEST:
        raise Invalid(FIELD, f"it has more than {LARGEST:,} bytes; make two workflows of it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Invalid(FIELD, f"line {line}: it is not UTF-8") from None


def _at(line: int, said: str) -> Invalid:
    return Invalid(FIELD, f"line {line}: {said}")


def _too_deep() -> str:
    return f"more than {DEEPEST} lists and objects stand in each other"


READERS: dict[str, Callable[[bytes], object]] = {
    "application/json": from_json,
    "application/yaml": from_yaml,
    "application/x-yaml": from_yaml,
    "text/yaml": from_yaml,
}
"""By the media type of a body (RFC 9512)."""
