"""Route templates of HTTP triggers: `api/{*path}`, `pets/{id:int}`, `reports/{name?}`.

As in ASP.NET, which the real host routes with: upper and lower case are one, and where several
templates fit, text comes before a constrained parameter, before a free one, before `{*rest}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from local.host import settings
from local.host.worker import Function

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_PARAMETER = re.compile(r"\{(\*?)([A-Za-z_]\w*)(?::(\w+))?(\??)\}")
_CONSTRAINTS = {
    "int": r"-?\d+",
    "long": r"-?\d+",
    "alpha": r"[A-Za-z]+",
    "bool": r"true|false",
    "guid": r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
}
_TEXT, _CONSTRAINED, _FREE, _REST = range(1, 5)


@dataclass(frozen=True, slots=True)
class Route:
    """A template, ready to match paths."""

    function: str
    template: str
    methods: tuple[str, ...]
    pattern: re.Pattern[str]
    rank: tuple[int, ...]
    """Lower comes first."""

    @property
    def shape(self) -> str:
        """The same for two templates that fit the same paths."""
        return re.sub(r"\?P<\w+>", "", self.pattern.pattern).lower()


def of(function: Function, environ: Mapping[str, str], prefix: str) -> Route:
    """The route of an HTTP function. Raises `KeyError` (setting), `ValueError` (template)."""
    given = function.trigger.get("route") or function.name
    own = settings.resolve(str(given), environ).strip("/")
    template = "/".join(part for part in (prefix, own) if part)
    pattern, rank = parse(template)
    methods = tuple(str(one).upper() for one in function.trigger.get("methods") or METHODS)
    return Route(function.name, template, methods, pattern, rank)


def parse(template: str) -> tuple[re.Pattern[str], tuple[int, ...]]:
    """The template as a pattern for paths without the first slash, and its rank."""
    pattern, rank = "", []
    for number, segment in enumerate(segment for segment in template.split("/") if segment):
        slash = "/" if number else ""
        text, kind, optional = _segment(segment)
        pattern += f"(?:{slash}{text})?" if optional else slash + text
        rank.append(kind)
    return re.compile(pattern, re.IGNORECASE), tuple(rank)


def match(routes: Sequence[Route], method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The best route for the path (with its first slash), and the values of its parameters."""
    for route in sorted(routes, key=lambda one: one.rank):
        found = route.pattern.fullmatch(path.strip("/"))
        if found and method in route.methods:
            return route, {k: v for k, v in found.groupdict().items() if v}
    return None


def _segment(segment: str) -> tuple[str, int, bool]:
    found = _PARAMETER.fullmatch(segment)
    if not found:
        if "{" in segment or "}" in segment:
            raise ValueError(f"{segment!r}: a parameter is a whole segment, {{name}}")
        return re.escape(segment), _TEXT, False
    rest, name, constraint, optional = found.groups()
    if rest:
        return f"(?P<{name}>.*)", _REST, True
    if constraint and constraint not in _CONSTRAINTS:
        raise ValueError(f"{segment!r}: this host knows only {', '.join(_CONSTRAINTS)}")
    inner = _CONSTRAINTS[constraint] if constraint else "[^/]+"
    kind = _CONSTRAINED if constraint else _FREE
    return f"(?P<{name}>{inner})", kind, bool(optional)
