"""The budgets, kept for some seconds in a process: a job whose schedule has none costs no request
of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from shared.clock import Clock
from shared.spending.model import Budget, Of, Scope

SECONDS = 20.0
"""How long a process may go by budgets that were changed meanwhile."""


class Known:
    """The budgets."""

    def __init__(self, read: Callable[[], Sequence[Budget]], currency: str, clock: Clock) -> None:
        """`currency`: of the prices. Budgets in another cannot be compared, and do not hold."""
        self._read = read
        self._currency = currency
        self._clock = clock
        self._lock = threading.Lock()
        self._until: float | None = None
        self._budgets: Mapping[Scope, Budget] = {}

    def of(self, schedule_id: str, project_id: int | None) -> list[Budget]:
        """The budgets that hold for a schedule: its project's, and its own. Raises `Unavailable` or
        `Refused` if storage fails."""
        found = self._all()
        scopes = [Scope(Of.SCHEDULE, schedule_id)]
        if project_id is not None:
            scopes.insert(0, Scope(Of.PROJECT, str(project_id)))
        return [found[scope] for scope in scopes if scope in found]

    def forget(self) -> None:
        """Read them anew before they are needed next."""
        with self._lock:
            self._until = None

    def _all(self) -> Mapping[Scope, Budget]:
        with self._lock:
            now = self._clock.monotonic()
            if self._until is None or now >= self._until:
                found = self._read()
                self._budgets = {one.scope: one for one in found if one.currency == self._currency}
                self._until = now + SECONDS
            return self._budgets
