"""Which fields each event's log line has, read from the calls of `event` in the code.

A call names its event as `Event.X`, or has it in a variable, which is one of those that its
function (or else its module) names. `Event(f"job_{...}")` is every event that begins so and that is
named nowhere. Or the call hands on what its own function was given: then the callers of that
function say which events there are, and add their fields.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.log import Event

Fields = Mapping[str, frozenset[str]]
"""The fields of each event, by its name in the log."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_NO_FIELDS = {"level"}


@dataclass(frozen=True, slots=True)
class Source:
    """A module."""

    path: str
    tree: ast.Module
    calls: Mapping[str, Sequence[tuple[_Function, ast.Call]]]
    """The calls of each function or method, by its name, with the functions that they stand in."""


@functools.cache
def written(root: Path) -> Fields:
    """The fields of each event that the project in `root` logs; it is read once in a process."""
    return fields(sources(root), list(Event))


def sources(root: Path) -> list[Source]:
    """The modules of `shared` and `functions`."""
    files = sorted(file for room in ("shared", "functions") for file in (root / room).rglob("*.py"))
    return [source(str(file.relative_to(root)), file.read_text()) for file in files]


def source(path: str, text: str) -> Source:
    """A module, read."""
    tree = ast.parse(text)
    calls: dict[str, list[tuple[_Function, ast.Call]]] = {}
    for function in ast.walk(tree):
        if isinstance(function, _Function):
            for node in ast.walk(function):
                if isinstance(node, ast.Call):
                    calls.setdefault(_called(node), []).append((function, node))
    return Source(path, tree, calls)


def fields(modules: Sequence[Source], known: Sequence[Event]) -> Fields:
    """The fields that lines of each event may have. Events that nothing writes have none."""
    found: dict[str, set[str]] = {one.value: set() for one in known}
    named = {event for module in modules for event in _named(module.tree)}
    unnamed = found.keys() - named
    for module in modules:
        for function, call in module.calls.get("event", ()):
            own = _names(call, function, module)
            told = _events(call.args[1:2], function, module, unnamed)
            for event, more in [(one, set()) for one in told] or _handed(modules, module, function):
                found[event] |= own | more
    return {event: frozenset(names) for event, names in found.items()}


def _called(call: ast.Call) -> str:
    return str(getattr(call.func, "id", None) or getattr(call.func, "attr", ""))


def _events(
    given: Iterable[ast.expr], function: _Function, module: Source, unnamed: Iterable[str] = ()
) -> set[str]:
    """The events that arguments name."""
    parameters = {arg.arg for arg in [*function.args.args, *function.args.kwonlyargs]}
    told: set[str] = set()
    for one in given:
        told |= _named(one)
        if isinstance(one, ast.Call) and one.args and isinstance(one.args[0], ast.JoinedStr):
            first = one.args[0].values[0]
            start = first.value if isinstance(first, ast.Constant) else ""
            told |= {event for event in unnamed if event.startswith(str(start))}
        if isinstance(one, ast.Name) and one.id not in parameters:
            told |= _named(function) or _named(module.tree)
    return told


def _named(node: ast.AST) -> set[str]:
    return {
        Event[one.attr].value
        for one in ast.walk(node)
        if isinstance(one, ast.Attribute)
        and isinstance(one.value, ast.Name)
        and one.value.id == "Event"
    }


def _handed(
    modules: Sequence[Source], module: Source, wrapper: _Function
) -> Iterator[tuple[str, set[str]]]:
    """The events with which others call `wrapper`, each with the fields that the caller adds."""
    name = wrapper.name
    for other in modules:
        calls = other.calls.get(name, ())
        if calls and (other is module or _imports(other.tree, name, module.path)):
            for function, call in calls:
                for event in _events(call.args[:1], function, other):
                    yield event, _names(call, function, other)


def _imports(tree: ast.Module, name: str, path: str) -> bool:
    dotted = path.removesuffix(".py").replace("/", ".")
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == dotted
        and name in {one.name for one in node.names}
        for node in ast.walk(tree)
    )


def _names(call: ast.Call, function: _Function, module: Source) -> set[str]:
    """The fields that a call gives by name, and those of the dicts that it unpacks."""
    given = {one.arg for one in call.keywords if one.arg} - _NO_FIELDS
    for one in call.keywords:
        if one.arg is None:
            given |= _unpacked(one.value, function, module)
    return given


def _unpacked(value: ast.expr, function: _Function, module: Source) -> set[str]:
    """The keys of a dict: of a variable or parameter, as the module's functions make or pass it; of
    a method's result, as the method of that name writes it."""
    if isinstance(value, ast.Call):
        return {
            key
            for node in ast.walk(module.tree)
            if isinstance(node, _Function) and node.name == _called(value)
            for key in _keys(node)
        }
    if not isinstance(value, ast.Name):
        return set()
    made = [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and value.id in {getattr(one, "id", "") for one in _targets(node)}
    ]
    if made:
        return {key for one in made if one is not None for key in _keys(one)}
    passed = [call for _, call in module.calls.get(function.name, ())]
    variables = {arg.id for call in passed for arg in call.args if isinstance(arg, ast.Name)}
    return {
        key
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in _targets(node)
        if getattr(target, "id", "") in variables & {value.id}
        for key in _keys(node.value)
    }


def _targets(node: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def _keys(node: ast.AST) -> set[str]:
    """The keys of every dict that is written in there."""
    displays = (one for one in ast.walk(node) if isinstance(one, ast.Dict))
    keys = (key for one in displays for key in one.keys)
    return {
        key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }
