"""Files, or folders of them, as what somebody wants: schedules and calendars of one owner."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from belfry.code import reading
from belfry.code.reading import Place, Source
from belfry.problems import Exit, Failure

MANAGED_BY, MANAGED_KEY = "managed_by", "managed_key"
"""The tags by which a schedule is known to be an owner's, and which one."""
_MOST_FILES = 500
_MOST_SAID = 20
_SUFFIXES = (".yaml", ".yml")
_KINDS = {
    "string": "text (in quotes, if it looks like a number)",
    "integer": "a whole number, without quotes",
    "number": "a number, without quotes",
    "boolean": "true or false",
    "object": "an object (`name: value` lines)",
    "array": "a list (`- value` lines)",
}
"""The types of JSON Schema as a file has them."""


@dataclass(frozen=True)
class Entry:
    """A schedule or a calendar that is wanted."""

    key: str
    """Of a calendar: its name."""
    body: Mapping[str, Any]
    """As the API takes it, without what says whose it is."""
    place: str
    """`FILE:LINE`."""
    takes: str | None = None
    """The id of an existing schedule that it takes over."""


@dataclass(frozen=True)
class Wanted:
    """All that the files say."""

    owner: str
    schedules: Sequence[Entry]
    calendars: Sequence[Entry]


def load(paths: Sequence[Path], schema: Mapping[str, Any]) -> Wanted:
    """What the files say, and those in the folders. Raises `Failure`, with every line at fault."""
    sources = [reading.read(path) for path in _files(paths)]
    if wrong := [line for source in sources for line in _against(source, schema)]:
        more = [f"and {len(wrong) - _MOST_SAID} more"] if len(wrong) > _MOST_SAID else []
        raise Failure(Exit.WRONG, "\n".join([*wrong[:_MOST_SAID], *more]))
    return merged(sources)


def merged(sources: Sequence[Source]) -> Wanted:
    """What files that fit the schema say together. Raises `Failure` if they contradict."""
    owners = {source.value["owner"]: source for source in sources}
    if len(owners) > 1:
        said = "; ".join(f"{source.path}: {owner}" for owner, source in owners.items())
        raise Failure(Exit.WRONG, f"the files have several owners; give those of one: {said}")
    return Wanted(
        owner=next(iter(owners)),
        schedules=_entries(sources, "schedules"),
        calendars=_entries(sources, "calendars"),
    )


def _files(paths: Sequence[Path]) -> list[Path]:
    found: dict[Path, Path] = {}
    for path in paths:
        inside = (
            [one for one in path.rglob("*") if one.suffix in _SUFFIXES] if path.is_dir() else []
        )
        for one in sorted(inside) if path.is_dir() else [path]:
            found.setdefault(one.resolve(), one)
    if not found:
        raise Failure(Exit.WRONG, f"no file with the end .yaml in {', '.join(map(str, paths))}")
    if len(found) > _MOST_FILES:
        raise Failure(Exit.WRONG, f"more than {_MOST_FILES} files; is it the right folder?")
    return list(found.values())


def _entries(sources: Sequence[Source], what: str) -> list[Entry]:
    found: dict[str, Entry] = {}
    taken: dict[str, Entry] = {}
    for source in sources:
        for entry in _of(source, what):
            if entry.key in found:
                first = found[entry.key].place
                raise Failure(Exit.WRONG, f"{entry.place}: {entry.key} is at {first} already")
            if entry.takes is not None and entry.takes in taken:
                first = taken[entry.takes].place
                raise Failure(
                    Exit.WRONG, f"{entry.place}: {first} takes over {entry.takes} already"
                )
            found[entry.key] = entry
            if entry.takes is not None:
                taken[entry.takes] = entry
    return list(found.values())


def _of(source: Source, what: str) -> Iterator[Entry]:
    common = {name: source.value[name] for name in ("project_id",) if name in source.value}
    for key, given in source.value.get(what, {}).items():
        body = {"name": key, **common, **given}
        takes = body.pop("id", None)
        yield Entry(key, body, f"{source.path}:{source.line((what, key))}", takes)


def _against(source: Source, schema: Mapping[str, Any]) -> list[str]:
    """What of the file does not fit the schema."""
    import jsonschema_rs  # 20 ms, which other commands need not pay

    if not isinstance(source.value, dict):
        return [source.wrong((), "give an object, with `owner` and `schedules`")]
    validator = jsonschema_rs.Draft202012Validator(dict(schema))
    found = [_said(error) for error in validator.iter_errors(source.value)]
    return [source.wrong(place, said) for place, said in sorted(found, key=_line_of(source))]


def _line_of(source: Source) -> Any:
    return lambda found: (source.line(found[0]), found[1])


def _said(error: Any) -> tuple[Place, str]:
    place: Place = tuple(error.instance_path)
    match error.kind.name:
        case "additionalProperties":
            name = error.kind.unexpected[0]
            return (*place, name), "there is no such field"
        case "required":
            return place, f"{error.kind.property} is missing"
        case "propertyNames":
            return place, f"a name in it is not allowed: {_short(error.message)}"
        case "type" if error.instance is None:
            return place, "it has no value; leave it out, or give it one"
        case "type":
            kinds = " or ".join(_KINDS.get(one, one) for one in error.kind.types if one != "null")
            return place, _short(f"{_written(error.instance)} is not right here; give {kinds}")
        case "enum":
            choices = ", ".join(map(str, error.kind.options))
            return place, f"there is no {_written(error.instance)}; give one of {choices}"
    return place, _short(error.message)


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:80]


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:300]}..."
