"""Tells people that a budget is used up: once for each day or month, and for each amount."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from shared.errors import BelfryError
from shared.log import Event, event
from shared.spending.counting import Counter, used_up
from shared.spending.model import Budget, shown
from shared.spending.store import Store
from shared.storage.tables.compare_and_set import compare_and_set

_logger = logging.getLogger("belfry.spending")

Tell = Callable[[str, str, str], None]
"""Makes the alert: (what it is about, text, key of the event)."""


class Telling:
    """Tells it. The alert's key has the day or month and the amount, and then the counter says that
    it was told; killed in between, it is told again under the same key, which counts once."""

    def __init__(self, store: Store, tell: Tell) -> None:
        self._store = store
        self._tell = tell

    def nearly(self, budget: Budget, counter: Counter) -> None:
        """Log that little is left."""
        event(
            _logger,
            Event.BUDGET_NEARLY_REACHED,
            level=logging.WARNING,
            about=budget.scope.key,
            period=counter.name,
            spent=shown(counter.micros, budget.currency),
            amount=shown(budget.micros, budget.currency),
        )

    def over(self, budget: Budget, counter: Counter, now: datetime) -> None:
        """Tell that it is used up, unless that was told. Raises nothing: what cannot be told now is
        told when the budget is looked at next."""
        amount = str(budget.micros.normalize())
        if counter.micros < budget.micros or counter.told == amount:
            return
        try:
            self._say(budget, counter, now, amount)
        except BelfryError as error:
            event(
                _logger,
                Event.BUDGET_UNTOLD,
                level=logging.ERROR,
                about=budget.scope.key,
                error=str(error),
            )

    def _say(self, budget: Budget, counter: Counter, now: datetime, amount: str) -> None:
        text = used_up(budget, counter, budget.span(now))
        event(
            _logger,
            Event.BUDGET_REACHED,
            level=logging.WARNING,
            about=budget.scope.key,
            period=counter.name,
            reason=text,
        )
        key = f"{budget.scope.key}:{counter.name}:{amount}"
        self._tell(budget.scope.key, text, key)

        def mark() -> bool | None:
            before = self._store.account(budget.scope)
            found = before.counter.turned(budget, budget.span(now))
            if found.name != counter.name or found.told == amount:
                return True
            after = replace(found, told=amount)
            return self._store.mark(budget.scope, before, after) or None

        compare_and_set(f"the budget of {budget.scope}", mark)
