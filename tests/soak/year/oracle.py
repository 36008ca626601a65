"""Replays a plan, with what Twilio was asked for: what must have come of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.soak.year import runs
from tests.soak.year.acts import Ran, Ticked
from tests.soak.year.chores import Chores
from tests.soak.year.facts import Facts
from tests.soak.year.messages import Messages
from tests.soak.year.occasions import DAY_AHEAD, HOURS_AHEAD, Wanted, reminders, vaccinations
from tests.soak.year.plan import Plan
from tests.vendors.twilio import Asked

_KINDS = {runs.DAY_AHEAD: DAY_AHEAD, runs.HOURS_AHEAD: HOURS_AHEAD}


@dataclass(frozen=True, slots=True)
class Expected:
    """What must be there."""

    facts: Facts
    messages: Messages
    chores: Chores


def replay(plan: Plan, log: Sequence[Asked]) -> Expected:
    """Every act of the plan is at an instant of its own."""
    by_instant: dict[datetime, list[Asked]] = defaultdict(list)
    for one in log:
        by_instant[one.at].append(one)
    facts = Facts.of(plan)
    expected = Expected(facts, Messages(facts), Chores(facts))
    for act in plan.acts:
        facts.see(act)
        asked = by_instant.pop(act.at, [])
        if isinstance(act, Ran):
            _run(expected, (act.task,), act.due_at, act.at, asked)
        if isinstance(act, Ticked):
            _run(expected, act.tasks, act.due_at, act.at, asked)
        expected.messages.left(act.at, asked)
    for at, asked in by_instant.items():
        expected.messages.left(at, asked)
    return expected


def _run(
    expected: Expected, tasks: Sequence[str], due_at: datetime, now: datetime, log: list[Asked]
) -> None:
    """These tasks run at the same instant."""
    facts, messages, chores = expected.facts, expected.messages, expected.chores
    wanted: list[Wanted] = []
    for task in tasks:
        match task:
            case runs.DAY_AHEAD | runs.HOURS_AHEAD:
                wanted += reminders(facts, _KINDS[task], due_at, now)
            case runs.VACCINATIONS:
                chores.statuses(now)
                wanted += vaccinations(facts, due_at, now)
            case runs.SENDER:
                messages.flushed(now, log)
            case runs.NO_SHOWS:
                chores.no_shows(due_at, now)
            case runs.REPUTATIONS:
                chores.reputations(due_at)
    messages.asked(wanted, now, log)
