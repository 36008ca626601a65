"""What makes the real host drop a function, or the whole app, often without a word.

In Azure a function that breaks one of these simply is not there ("0 functions found"). Here each
is an error with the function's name in it. The rules are read from the host's source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local.host import cron, routes, settings, storage
from local.host.worker import Function

_FUNCTION_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}")
_BINDING_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,127}|\$return")
_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")
_RESERVED_ROUTES = ("admin", "runtime")
_SUPPORTED = ("httpTrigger", "timerTrigger", "queueTrigger", "http")
_STORAGE_BOUND = ("timerTrigger", "queueTrigger")


def problems(functions: Sequence[Function], environ: Mapping[str, str], prefix: str) -> list[str]:
    """Everything that is wrong, in words; empty when the real host would run all of them."""
    if not functions:
        return ["the app has no functions"]
    found = [text for one in functions for text in _of_function(one, environ)]
    return found + list(_names(functions)) + list(_routes(functions, environ, prefix))


def _of_function(function: Function, environ: Mapping[str, str]) -> Iterator[str]:
    name = function.name
    if not _FUNCTION_NAME.fullmatch(name):
        yield f"{name}: a function's name is a letter, then letters, digits, _ and -"
    if len(function.triggers) != 1:
        yield f"{name}: has {len(function.triggers)} triggers; a function has exactly one"
    for binding in function.bindings:
        for text in _of_binding(binding, environ):
            yield f"{name}: {text}"


def _of_binding(binding: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[str]:
    name = str(binding["name"])
    if not _BINDING_NAME.fullmatch(name):
        yield (
            f"the binding name {name!r} must be letters and digits, a letter first (arg_name); "
            "Azure drops the function without a word"
        )
    if binding["type"] not in _SUPPORTED:
        yield f"this host has no {binding['type']}; Azure does"
        return
    missing = _unresolved(binding, environ)
    yield from (f"the setting {one} in %{one}% is not set" for one in missing)
    if not missing:
        yield from _values(binding, environ)
    if binding["type"] in _STORAGE_BOUND:
        wrong = storage.problem(str(binding.get("connection") or settings.STORAGE), environ)
        yield from [wrong] if wrong else []


def _unresolved(binding: Mapping[str, Any], environ: Mapping[str, str]) -> list[str]:
    missing = []
    for value in binding.values():
        try:
            settings.resolve(str(value), environ)
        except KeyError as error:
            missing.append(str(error.args[0]))
    return missing


def _values(binding: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[str]:
    if binding["type"] == "timerTrigger":
        try:
            cron.parse(settings.resolve(str(binding["schedule"]), environ))
        except ValueError as error:
            yield f"its schedule is wrong: {error}"
    elif binding["type"] == "queueTrigger":
        queue = settings.resolve(str(binding["queueName"]), environ)
        if not _QUEUE_NAME.fullmatch(queue):
            yield f"{queue!r} is no queue name: 3 to 63 lower-case letters, digits, single hyphens"
    elif binding["type"] == "httpTrigger":
        try:
            routes.parse(str(binding.get("route") or ""))
        except ValueError as error:
            yield f"its route is wrong: {error}"


def _names(functions: Sequence[Function]) -> Iterator[str]:
    seen: dict[str, Function] = {}
    for function in functions:
        other = seen.setdefault(function.name.lower(), function)
        if other is not function:
            yield f"{function.name}: {other.name} has the same name, upper and lower case being one"


def _routes(
    functions: Sequence[Function], environ: Mapping[str, str], prefix: str
) -> Iterator[str]:
    seen: dict[tuple[str, str], str] = {}
    for function in functions:
        if len(function.triggers) != 1 or function.kind != "httpTrigger":
            continue
        try:
            route = routes.of(function, environ, prefix)
        except (KeyError, ValueError):
            continue  # said above
        if route.template.split("/")[0].lower() in _RESERVED_ROUTES:
            yield f"{function.name}: routes under {_RESERVED_ROUTES} belong to the host"
        for method in route.methods:
            other = seen.setdefault((route.shape, method), function.name)
            if other != function.name:
                yield f"{function.name}: {method} /{route.template} is also a route of {other}"
