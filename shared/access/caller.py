"""A caller: who asks for something, with which role, and whose projects it may touch.

Every change of the company's schedules is made on behalf of a caller: a person with a key or a
sign-in, or a task of Belfry itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.errors import Forbidden, NotFound


class Role(StrEnum):
    """What a caller may do. Each role may do what the ones before it may."""

    VIEWER = "viewer"
    """Read."""
    OPERATOR = "operator"
    """Also create, change, run, and delete schedules, and what belongs to them."""
    ADMIN = "admin"
    """Also keys, the audit, restores, and what concerns the whole company."""

    def includes(self, other: Role) -> bool:
        """Whether this role may do what the other may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who asks."""

    name: str
    """For the audit: the key's name, a person's address, or `task:{name}`."""
    role: Role
    projects: frozenset[int] | None = None
    """The projects that it sees and touches; None: all, and what belongs to no project."""
    key_id: str | None = None
    address: str | None = None
    """The network address that the request came from, if it came by HTTP."""
    request_id: str | None = None
    until: datetime | None = None
    """When its key expires; what it gives out may not last longer."""

    @staticmethod
    def of_task(name: str) -> Caller:
        """A task of Belfry itself."""
        return Caller(name=f"task:{name}", role=Role.ADMIN)

    def sees(self, project_id: int | None) -> bool:
        """Whether it may see what belongs to that project (None: to no project)."""
        return self.projects is None or project_id in self.projects

    def among(self, project_id: int | None) -> frozenset[int] | None:
        """The projects of a list that it asks for, of one project or of all that it sees; None: of
        all there are."""
        if project_id is None:
            return self.projects
        return frozenset({project_id}) if self.sees(project_id) else frozenset()

    def hold(self, project_id: int | None, what: str) -> None:
        """Raise `NotFound` unless it sees that project: what it may not see does not exist for it.
        `what` is the object in words, such as `schedule 'nightly'`."""
        if not self.sees(project_id):
            raise NotFound(f"there is no {what}")

    @property
    def project(self) -> int | None:
        """Its project, if it has exactly one: what it makes belongs there."""
        one = self.projects is not None and len(self.projects) == 1
        return next(iter(self.projects or ())) if one else None

    def needs_all(self) -> None:
        """Raise `Forbidden` unless it sees all projects."""
        if self.projects is not None:
            raise Forbidden(f"this concerns all projects, and {self.name} has {_those(self)}")

    def needs(self, role: Role) -> None:
        """Raise `Forbidden` unless its role includes that one."""
        if not self.role.includes(role):
            raise Forbidden(f"this needs the role {role}, and {self.name} is {self.role}")


def _those(caller: Caller) -> str:
    return f"only {', '.join(map(str, sorted(caller.projects or ())))}"


LOCAL = Caller(name="local", role=Role.ADMIN)
"""Whoever works on one machine, where no key was ever made."""

SETTINGS = Caller(name="settings", role=Role.ADMIN)
"""Code and settings, whose values the app's start applies to system schedules."""

ENGINE = Caller(name="engine", role=Role.ADMIN)
"""Belfry's engine by itself, such as when it pauses a schedule."""
