"""Looking at parts: one that hangs or fails hides no other, and costs one thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from shared.clock import ManualClock
from shared.engine.dispatch import uptime
from shared.engine.dispatch.facts import Facts
from shared.errors import Unavailable
from shared.health_summary.model import Health, Part, Signs
from shared.health_summary.parts import Look, Parts
from shared.health_summary.service import KEPT, HealthSummary

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SHORT, SECOND = timedelta(seconds=0.2), timedelta(seconds=1)
SIGNS = Signs(facts=Facts(known={}, beats={}), life=uptime.begun(NOON), latency_ms=1.0)


class Counted:
    """A look that counts, and that waits for `go`."""

    def __init__(self, found: Callable[[], object]) -> None:
        self.times = 0
        self.go = threading.Event()
        self.go.set()
        self._found = found

    def __call__(self) -> object:
        self.times += 1
        self.go.wait(20)
        return self._found()


def test_a_part_that_hangs_is_asked_once_and_hides_no_other() -> None:
    clock, hangs, well = ManualClock(NOON), Counted(lambda: 1), Counted(lambda: 2)
    hangs.go.clear()
    looks = {Part.DATABASE: Look(call=hangs, vital=True), Part.QUEUES: Look(call=well)}
    parts = Parts(looks, clock, SHORT, SHORT)
    for number in range(3):
        found = parts.look()
        assert found[Part.QUEUES].value == 2
        assert found[Part.DATABASE].value is None
        assert found[Part.DATABASE].problem == "it has not answered since 12:00:00 UTC"
        assert found[Part.DATABASE].since == NOON
        assert (hangs.times, well.times) == (1, number + 1)
    hangs.go.set()
    clock.advance(SECOND)
    patient = Parts({Part.DATABASE: Look(call=hangs)}, clock)
    assert patient.look()[Part.DATABASE].value == 1


def test_what_is_late_is_believed_for_a_while_and_what_is_fresh_is_not_asked_for() -> None:
    clock, found = ManualClock(NOON), Counted(lambda: 1)
    look = Look(call=found, fresh=10 * SECOND, believed=30 * SECOND)
    parts = Parts({Part.ERRORS: look}, clock, SHORT, SHORT)
    assert parts.look()[Part.ERRORS].value == 1
    clock.advance(9 * SECOND)
    assert parts.look()[Part.ERRORS].value == 1 and found.times == 1
    found.go.clear()
    clock.advance(2 * SECOND)
    assert parts.look()[Part.ERRORS].problem is None and found.times == 2
    clock.advance(20 * SECOND)
    late = parts.look()[Part.ERRORS]
    assert late.value is None and late.problem is not None
    found.go.set()


def test_a_first_look_that_takes_long_is_no_problem_yet() -> None:
    clock, found = ManualClock(NOON), Counted(lambda: 1)
    found.go.clear()
    parts = Parts({Part.BACKUPS: Look(call=found)}, clock, SHORT, SHORT)
    assert (parts.look()[Part.BACKUPS].value, parts.look()[Part.BACKUPS].problem) == (None, None)
    clock.advance(16 * SECOND)
    assert parts.look()[Part.BACKUPS].problem == "it has not answered since 12:00:00 UTC"
    found.go.set()


def test_what_fails_says_since_when_until_it_is_well() -> None:
    clock, wrong = ManualClock(NOON), [OSError("postgresql://u:secret@h/d"), Unavailable("x", "y")]

    def fails() -> object:
        if wrong:
            raise wrong.pop()
        return 5

    parts = Parts({Part.QUEUES: Look(call=fails, fresh=60 * SECOND)}, clock)
    assert "y" in (parts.look()[Part.QUEUES].problem or "")
    clock.advance(SECOND)
    again = parts.look()[Part.QUEUES]
    assert (again.problem, again.since) == ("a defect (OSError)", NOON)
    well = parts.look()[Part.QUEUES]
    assert (well.value, well.problem, well.since) == (5, None, None)


def test_a_stampede_looks_once_and_clocks_that_go_back_do_not_keep_an_answer() -> None:
    clock, found = ManualClock(NOON), Counted(lambda: SIGNS)
    parts = Parts({Part.STORAGE: Look(call=found)}, clock)
    summary = HealthSummary(lambda: parts, clock)
    found.go.clear()
    made: list[object] = []
    threads = [threading.Thread(target=lambda: made.append(summary.summary())) for _ in range(200)]
    for one in threads:
        one.start()
    found.go.set()
    for one in threads:
        one.join(20)
    assert found.times == 1 and len(made) == 200 and len(set(map(id, made))) == 1
    clock.advance(KEPT)
    summary.summary()
    clock.set(NOON - SECOND)
    assert summary.summary().status is Health.HEALTHY and found.times == 3


def test_the_uptime_goes_on_while_storage_is_away_and_ends_as_a_gap_does() -> None:
    clock, away = ManualClock(NOON), [False]

    def signs() -> object:
        if away[0]:
            raise Unavailable("table storage", "503")
        return SIGNS

    summary = HealthSummary(lambda: Parts({Part.STORAGE: Look(call=signs)}, clock), clock)
    unknown = HealthSummary(lambda: Parts({}, clock), clock)
    assert unknown.summary().uptime_seconds is None
    assert summary.summary().uptime_seconds == 0
    away[0] = True
    clock.advance(timedelta(minutes=4))
    found = summary.summary()
    assert (found.status, found.uptime_seconds) == (Health.UNHEALTHY, 240)
    clock.advance(timedelta(minutes=4))
    assert summary.summary().uptime_seconds == 0
