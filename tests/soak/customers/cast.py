"""What customers of three projects schedule before the storm: deliveries to their webhooks, health
checks of a page, batches, budgets, and mails when runs have ended."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from shared.access import LOCAL
from shared.app import App
from shared.recurrence import Frequency, Recurrence
from shared.resources.model import Kind
from shared.resources.wanted import Wanted
from shared.schedules.model import CatchUp, Definition, Overlap, Policy
from shared.settings import Secret
from shared.spending.model import Of, Period, Scope
from shared.spending.service import Wanted as Amount
from tests.soak.customers.place import Place
from tests.soak.pace import Pace

PROJECTS = (21, 22, 23)
WEBHOOK = "15"
"""The id of a webhook of each project: the same, as customers may choose it."""
ITEMS = 60
"""Of a batch that calls a task."""
ADDRESS = "ana@example.com"
_CALLERS = 11
"""A project of callers (`tests.soak.callers`), which has a budget too."""
_POOR = 23
_LITTLE = Decimal("0.1")
"""Millionths: some runs of a schedule that does nothing."""
_PLENTY = Decimal(10**12)
_BATCHES = 4.0
"""Seconds of life until batches come due."""
_RUN = 15.0
"""The same of the one that runs schedules."""


def keys() -> Mapping[int, str]:
    """The signing key of each project's webhook."""
    return {one: "whsec_" + base64.b64encode(bytes([one]) * 32).decode() for one in PROJECTS}


@dataclass(slots=True)
class Scheduled:
    """The schedules' ids, and the budgets."""

    hooks: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    batches: list[str] = field(default_factory=list)
    runs: str = ""
    """The batch that runs hooks and checks of its project."""
    poor: str = ""
    """The one with a small budget of its own."""
    mailing: list[str] = field(default_factory=list)
    budgets: list[Scope] = field(default_factory=list)

    @property
    def all(self) -> set[str]:
        return {*self.hooks, *self.checks, *self.batches, self.runs, self.poor}


def schedule(calm: App, pace: Pace, place: Place) -> Scheduled:
    """Make all of it, on storage that does not fail, before any host runs."""
    made = Scheduled()
    for project in (*PROJECTS, _CALLERS):
        _budget(calm, Scope(Of.PROJECT, str(project)), project, _PLENTY, made)
    for project in PROJECTS:
        _webhook(calm, project, place)
        for one in _hooks(project):
            made.hooks.append(_made(calm, project, *one))
        for one in _checks(project, place):
            made.checks.append(_made(calm, project, *one))
        due = _once(calm, pace, _BATCHES)
        one = (f"batch{project}", "batch", _batch(), due, _PATIENT)
        made.batches.append(_made(calm, project, *one))
    made.runs = _made(
        calm,
        PROJECTS[0],
        "runs",
        "batch",
        {"operation": "run", "filter": {"task_types": ["webhook_delivery", "health_check"]}},
        _once(calm, pace, _RUN),
        _PATIENT,
    )
    made.poor = _made(calm, _POOR, "poor", "quick", {}, _every(120), Policy())
    _budget(calm, Scope(Of.SCHEDULE, made.poor), _POOR, _LITTLE, made)
    made.mailing = [*made.batches, made.checks[0]]
    return made


_PATIENT = Policy(
    misfire_grace_seconds=7200,
    timeout_seconds=7200,
    max_attempts=20,
    retry_delay_seconds=10,
    max_retry_delay_seconds=60,
)
_Asked = tuple[str, str, dict[str, Any], Recurrence, Policy]


def _hooks(project: int) -> Iterator[_Asked]:
    all_of_them = Policy(overlap=Overlap.ALLOW_ALL, catch_up=CatchUp.ALL)
    for number, policy in enumerate((Policy(), all_of_them)):
        name = f"hook{project}x{number}"
        said = {"webhook_id": WEBHOOK, "payload": {"number": number}}
        yield name, "webhook_delivery", said, _every(300 - 100 * number), _tried(policy)


def _checks(project: int, place: Place) -> Iterator[_Asked]:
    for number, fails in enumerate((True, False)):
        name = f"check{project}x{number}"
        said: dict[str, Any] = {"url": f"{place.url}/page", "fail_when_down": fails}
        if (project, number) == (PROJECTS[0], 0):
            said |= _MAIL
        yield name, "health_check", said, _every(200 + 60 * number), _tried(Policy())


_MAIL: Mapping[str, Any] = {"notify_on_completion": True, "notification_emails": [ADDRESS]}


def _tried(policy: Policy) -> Policy:
    return replace(
        policy,
        timeout_seconds=600,
        misfire_grace_seconds=300,
        max_attempts=3,
        retry_delay_seconds=5,
        max_retry_delay_seconds=30,
    )


def _batch() -> dict[str, Any]:
    return {
        "operation": "task",
        "task_type": "item",
        "task_parameters": {"number": {"item": "number"}},
        "items": [{"number": number} for number in range(ITEMS)],
        "concurrency": 4,
        "item_timeout_seconds": 600,
        "stop_at_error_percent": None,
    } | dict(_MAIL)


def _webhook(calm: App, project: int, place: Place) -> None:
    secrets = {
        "url": Secret(f"{place.url}/hook/{project}"),
        "signing_key": Secret(keys()[project]),
    }
    wanted = Wanted(fields={"name": "soak", "ordered": project == PROJECTS[0]}, secrets=secrets)
    calm.resources().put(LOCAL, Kind.WEBHOOK, WEBHOOK, project, wanted)


def _budget(calm: App, scope: Scope, project: int, micros: Decimal, made: Scheduled) -> None:
    amount = Amount(micros=micros, currency=None, period=Period.MONTH, timezone="UTC")
    calm.spending.put(LOCAL, scope, project, amount)
    made.budgets.append(scope)


def _made(
    calm: App,
    project: int,
    name: str,
    task: str,
    parameters: dict[str, Any],
    when: Recurrence,
    policy: Policy,
) -> str:
    definition = Definition(
        name=name,
        task_type=task,
        recurrence=when,
        task_parameters=parameters,
        project_id=project,
    )
    return calm.manager.create(definition, policy, schedule_id=name).id


def _every(seconds: int) -> Recurrence:
    return Recurrence(frequency=Frequency.INTERVAL, interval_seconds=seconds)


def _once(calm: App, pace: Pace, seconds: float) -> Recurrence:
    at = (calm.clock.now() + pace.fast(seconds)).replace(microsecond=0)
    return Recurrence(frequency=Frequency.ONCE, start_time=at)
