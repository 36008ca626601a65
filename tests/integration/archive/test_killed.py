"""Killed at any of its writes: nothing is lost, nothing is there twice, and the next run goes
on."""

from __future__ import annotations

import pytest

from local.azurite import Azurite
from tests.dying import Dying, Killed
from tests.integration.archive.past import DAY, HOUR, Past, lines, made, run, seen
from tests.integration.engine.conftest import START, make

_MOST = 40
"""More writes than one run makes here."""


def small(azurite: Azurite) -> Past:
    """A schedule with two days that go."""
    past = made(azurite, SCHEDULE_SHARDS="1")
    due = [START + 6 * HOUR * number for number in range(1, 8)]
    one = past.schedule()
    past.end(*(run(one, at) for at in due))
    past.counted(one, due[-1])
    past.engine.clock.set(START + 32 * DAY)
    return past


@pytest.mark.parametrize("answered", [False, True])
def test_a_run_that_is_killed_at_any_write_loses_nothing(azurite: Azurite, answered: bool) -> None:
    for left in range(_MOST):
        past = small(azurite)
        prefix, clock = past.app.settings.prefix, past.engine.clock
        before = seen(past, START, clock.now(), brief=True)
        dying = Dying(left, answered=answered)
        one = {"SCHEDULE_SHARDS": "1"}
        victim = Past(make(azurite, prefix, dying, clock=clock, prepared=True, environ=one))
        try:
            victim.archive()
        except Killed:
            assert seen(past, START, clock.now(), brief=True) == before, left
        else:
            assert left > 10
            return
        past.archive()
        assert seen(past, START, clock.now(), brief=True) == before, left
        assert_each_job_is_in_one_place(past)
    pytest.fail("it never came to its end")


def assert_each_job_is_in_one_place(past: Past) -> None:
    filed = lines(past)
    assert len(filed) == len(set(filed))
    assert not set(filed) & past.rows()
    assert set(filed) | past.rows() == set(past.ids)
    assert all(one.good for one in past.app.archive().findings(lambda: None))
