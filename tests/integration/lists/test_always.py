"""Whatever two instances do, wherever they are killed: every index says what the rows say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from local.azurite import Azurite
from shared.errors import BelfryError
from shared.listing.checking import Checking
from shared.listing.listing import Listing
from shared.listing.upkeep import Upkeep
from shared.schedules.model import Schedule
from tests.integration.engine.conftest import Engine, clear_queues, make, tap
from tests.integration.lists.instances import Dying, Killed, index, known, true

_WHO = st.integers(0, 1)
_WHICH = st.integers(0, 9)
_DEATH = st.one_of(st.none(), st.tuples(st.integers(0, 12), st.booleans()))
"""After how many requests an instance is killed, and whether the last of them is done."""


class Instance:
    """A process, which starts anew when it was killed."""

    def __init__(self, azurite: Azurite, prefix: str, like: Engine) -> None:
        self._make: Callable[[], Engine] = lambda: make(
            azurite, prefix, self.transport, clock=like.clock, prepared=True
        )
        self.start()

    def start(self) -> None:
        self.transport = Dying()
        self.engine = self._make()
        tap(self.engine)
        self.listing: Listing = index(self.engine.app)

    def does(self, work: Callable[[], object], death: tuple[int, bool] | None) -> None:
        """Do it, or be killed in the middle of it."""
        if death is not None:
            self.transport.left, self.transport.done_first = death
        try:
            work()
        except BelfryError:
            pass  # there is no such schedule any more, or another was faster
        except Killed:
            self.start()
        self.transport.left = None


class Lists(RuleBasedStateMachine):
    azurite: Azurite

    def __init__(self) -> None:
        super().__init__()
        self.main = make(self.azurite)
        prefix = self.main.app.settings.prefix
        self.two = [Instance(self.azurite, prefix, self.main) for _ in range(2)]

    def teardown(self) -> None:
        self.main.calls.hold.set()
        clear_queues()

    def _some(self, which: int) -> str:
        ids = sorted(one.id for one in self.main.app.table.schedules() if not one.configured)
        return ids[which % len(ids)] if ids else "none"

    def _act(self, who: int, death: Any, work: Callable[[Instance], object]) -> None:
        one = self.two[who]
        one.does(lambda: work(one), death)

    @rule(who=_WHO, death=_DEATH, task=st.sampled_from(["works", "fails"]), runs=st.booleans())
    def create(self, who: int, death: Any, task: str, runs: bool) -> None:
        limit = {"max_runs": 1} if runs else {}
        self._act(who, death, lambda one: one.engine.add(task, max_attempts=1, **limit))

    @rule(who=_WHO, death=_DEATH, which=_WHICH, name=st.sampled_from(["a", "b", "c"]))
    def rename(self, who: int, death: Any, which: int, name: str) -> None:
        def step(one: Schedule) -> Schedule:
            return replace(one, definition=replace(one.definition, name=name, tags={"t": name}))

        schedule_id = self._some(which)
        self._act(who, death, lambda one: one.engine.app.manager.change(schedule_id, step))

    @rule(who=_WHO, death=_DEATH, which=_WHICH, on=st.booleans())
    def turn(self, who: int, death: Any, which: int, on: bool) -> None:
        schedule_id = self._some(which)
        self._act(who, death, lambda one: one.engine.app.manager.enable(schedule_id, on))

    @rule(who=_WHO, death=_DEATH, which=_WHICH)
    def delete(self, who: int, death: Any, which: int) -> None:
        schedule_id = self._some(which)
        self._act(who, death, lambda one: one.engine.app.manager.delete(schedule_id))

    @rule(who=_WHO, death=_DEATH, seconds=st.sampled_from([60, 60, 600]))
    def run(self, who: int, death: Any, seconds: int) -> None:
        def work(one: Instance) -> None:
            one.engine.tick()
            one.engine.work()

        self.main.clock.advance(timedelta(seconds=seconds))
        self._act(who, death, work)

    @rule(who=_WHO, death=_DEATH)
    def keep(self, who: int, death: Any) -> None:
        self._act(who, death, lambda one: Upkeep(one.listing).run(lambda: None))

    @rule(who=_WHO, death=_DEATH)
    def look(self, who: int, death: Any) -> None:
        self._act(who, death, lambda one: one.listing.refresh())

    @rule(minutes=st.sampled_from([3, 30, 50, 90]))
    def wait(self, minutes: int) -> None:
        self.main.clock.advance(timedelta(minutes=minutes))

    @invariant()
    def each_says_what_the_rows_say(self) -> None:
        for one in self.two:
            assert known(one.listing) == true(self.main.app.table)

    def check_at_the_end(self) -> None:
        fresh = index(self.main.app)
        assert known(fresh) == true(self.main.app.table)
        assert Checking(fresh, self.main.app.meta).all(lambda: None).repaired == ()


def test_every_index_says_what_the_rows_say(azurite: Azurite) -> None:
    class Here(Lists):
        def teardown(self) -> None:
            self.check_at_the_end()
            super().teardown()

    Here.azurite = azurite
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=15,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
