"""People: who creates and changes schedules of every kind and policy, over and over."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar

from shared.app import App
from shared.errors import Conflict, Invalid, NotFound, Unavailable
from shared.recurrence import Frequency, Recurrence
from shared.schedules.model import CatchUp, Definition, Overlap, Policy, Schedule
from tests.soak.tasks import TASKS

T = TypeVar("T")
_CRONS = ("*/7 * * * *", "*/11 * * * *", "5,25,45 * * * *", "30 1 * * *", "40 0-23/2 * * *")
_ZONES = ("UTC", "America/New_York", "America/Denver", "Asia/Kolkata", "Europe/Berlin")
_TIMEOUTS = (300, 600, 600, 900, 1800)
"""Of more than ten minutes: a long job."""


@dataclass
class People:
    """Who creates and changes schedules, through an app of their own, over and over."""

    app: App
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    ids: list[str] = field(default_factory=list)
    untouched: set[str] = field(default_factory=set)
    """Schedules that nobody changes: what they owe is known without their versions."""
    overlapping: set[str] = field(default_factory=set)
    """Schedules whose jobs may run beside each other."""
    asked: list[str] = field(default_factory=list)
    """Runs that were asked for and promised."""

    def create(self) -> None:
        definition, policy = self._definition(), self._policy()
        made = self._insist("create", lambda: self.app.manager.create(definition, policy))
        if made is None:
            return
        self.ids.append(made.id)
        if len(self.ids) % 6 == 0:
            self.untouched.add(made.id)
        self._note(made.id, policy)

    def live(self, over: threading.Event) -> None:
        """A change each moment, until then."""
        while not over.wait(self.chance.uniform(0, 0.3)):
            self.change()

    def change(self) -> None:
        """One change of something, at random."""
        verbs = [self._recurrence, self._policies, self._switch, self._run, self._run]
        verbs += [self._cancel, self._cancel, self._retry, self._delete, self.create]
        self.chance.choice(verbs)()

    def _recurrence(self) -> None:
        one, when = self._some(), self._when()

        def step(schedule: Schedule) -> Schedule:
            return replace(schedule, definition=replace(schedule.definition, recurrence=when))

        self._insist("change", lambda: self.app.manager.change(one, step))

    def _policies(self) -> None:
        one, policy = self._some(), self._policy()
        self._note(one, policy)
        self._insist(
            "policy", lambda: self.app.manager.change(one, lambda was: replace(was, policy=policy))
        )

    def _switch(self) -> None:
        one, on = self._some(), self.chance.random() < 0.7
        self._insist(f"on={on}", lambda: self.app.manager.enable(one, on))

    def _delete(self) -> None:
        if self.chance.random() < 0.3:
            one = self._some()
            self._insist("delete", lambda: self.app.manager.delete(one))

    def _run(self) -> None:
        one = self._some()
        asked = self._insist("run", lambda: self.app.manager.run_now(one, force=True))
        if asked is not None:
            self.asked.append(asked.job_id)

    def _cancel(self) -> None:
        live = self._insist("look", lambda: self.app.table.get(self._some()))
        if live is not None and live.progress.live:
            job = self.chance.choice(live.progress.live)
            self._insist("cancel", lambda: self.app.control.cancel(job.id))

    def _retry(self) -> None:
        one = self._some()
        again = self._insist("retry", lambda: self.app.control.retry_failed(one))
        self.asked += again or []

    def _some(self) -> str:
        return self.chance.choice([one for one in self.ids if one not in self.untouched])

    def _note(self, schedule_id: str, policy: Policy) -> None:
        if policy.overlap is Overlap.ALLOW_ALL:
            self.overlapping.add(schedule_id)

    def _insist(self, name: str, what: Callable[[], T]) -> T | None:
        """Do it, again if storage was away; what is refused is refused."""
        for _ in range(8):
            try:
                made = what()
            except Unavailable:
                self.refused["unavailable"] += 1
                continue
            except (Conflict, NotFound, Invalid) as error:
                self.refused[f"{name}: {type(error).__name__}"] += 1
                return None
            self.done[name] += 1
            return made
        return None

    def _when(self) -> Recurrence:
        pick = self.chance.random()
        now = self.app.clock.now()
        some = timedelta(seconds=self.chance.randrange(0, 5400))
        window: dict[str, Any] = {}
        if self.chance.random() < 0.2:
            window["start_time"] = now + some / 6
        if self.chance.random() < 0.2:
            window["end_time"] = now + timedelta(seconds=1800) + some
        zone = self.chance.choice(_ZONES)
        if pick < 0.45:
            every = self.chance.randrange(240, 2400)
            return Recurrence(frequency=Frequency.INTERVAL, interval_seconds=every, **window)
        if pick < 0.75:
            expression = self.chance.choice(_CRONS)
            return Recurrence(
                frequency=Frequency.CRON, cron_expression=expression, timezone=zone, **window
            )
        if pick < 0.82:
            return Recurrence(frequency=Frequency.ONCE, start_time=now + some)
        if pick < 0.9:
            return Recurrence(frequency=Frequency.HOURLY, timezone=zone, **window)
        often = Frequency.DAILY if pick < 0.95 else Frequency.MONTHLY
        return Recurrence(frequency=often, timezone="America/Denver", **window)

    def _definition(self) -> Definition:
        project = self.chance.choice([None, None, None, 1, 2])
        return Definition(
            name="soak",
            task_type=self.chance.choice(TASKS),
            recurrence=self._when(),
            project_id=project,
        )

    def _policy(self) -> Policy:
        pick = self.chance.choice
        return Policy(
            misfire_grace_seconds=pick([60, 300, 900]),
            catch_up=pick(list(CatchUp)),
            catch_up_limit=pick([2, 100]),
            overlap=pick(list(Overlap)),
            jitter_seconds=pick([0, 0, 120]),
            max_runs=pick([None, None, None, 4]),
            pause_after_failures=pick([None, None, 2]),
            timeout_seconds=pick(_TIMEOUTS),
            max_attempts=pick([1, 2, 3, 4]),
            retry_delay_seconds=pick([5, 60]),
            max_retry_delay_seconds=120,
        )
