"""Which role a route needs, and which callers: decided in one place, for all routes.

Who reads is a viewer, who changes anything is an operator. A route that needs more says so:

    @router.delete("/{key_id}")
    @needs(Role.ADMIN)
    def revoke_key(...): ...

`everything`: the route shows or changes what belongs to no project or to all, so it is for callers
of all projects alone. All other routes look at projects themselves (docs/access.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import Request

from shared.access import Role
from shared.api.door import caller_of, is_open

_F = TypeVar("_F", bound=Callable[..., Any])
_NAME = "belfry_needs"
_READS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Needs:
    """What a route needs."""

    role: Role | None = None
    """None: by the method."""
    everything: bool = False


def needs(role: Role | None = None, *, everything: bool = False) -> Callable[[_F], _F]:
    """Say what a route needs; without a role, it is the one of its method."""

    def marked(endpoint: _F) -> _F:
        setattr(endpoint, _NAME, Needs(role, everything))
        return endpoint

    return marked


def needed(endpoint: object, method: str) -> tuple[Role, bool]:
    """(the role, whether all projects are needed) of a route's function and a method."""
    said: Needs = getattr(endpoint, _NAME, Needs())
    usual = Role.VIEWER if method.upper() in _READS else Role.OPERATOR
    return said.role or usual, said.everything


def permit(request: Request) -> None:
    """Raise `Forbidden` unless the caller may use the route. A dependency of the whole API."""
    if is_open(request.url.path):
        return
    caller = caller_of(request)
    role, everything = needed(request.scope["route"].endpoint, request.method)
    caller.needs(role)
    if everything:
        caller.needs_all()
