"""What follows a failed attempt."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.engine.work import retry
from shared.errors import Refused, Unavailable
from shared.schedules.model import Policy


def test_a_permanent_failure_is_not_tried_again() -> None:
    assert isinstance(retry.after(Refused("x", "no"), "j", 1, Policy()), retry.GiveUp)


def test_a_passing_failure_is_tried_again_until_the_attempts_are_used_up() -> None:
    failure = Unavailable("x", "down")
    assert isinstance(retry.after(failure, "j", 2, Policy()), retry.Again)
    assert isinstance(retry.after(failure, "j", 3, Policy()), retry.GiveUp)


def test_giving_up_says_how_often_it_was_tried() -> None:
    failure = Unavailable("x", "down")
    for most, said in ((1, "its only attempt failed"), (3, "all 3 attempts failed")):
        assert retry.after(failure, "j", most, Policy(max_attempts=most)) == retry.GiveUp(said)


@given(
    job=st.text(max_size=20),
    attempt=st.integers(1, 10_000),
    first=st.integers(1, 86_400),
)
def test_the_delay_doubles_within_a_fifth_and_is_bounded(
    job: str, attempt: int, first: int
) -> None:
    policy = Policy(retry_delay_seconds=first)
    delay = retry.backoff(job, attempt, policy)
    middle = min(
        timedelta(seconds=first) * 2 ** min(attempt - 1, 29),
        timedelta(seconds=max(first, policy.max_retry_delay_seconds)),
    )
    assert middle * 0.79 <= delay <= middle * 1.21
    assert delay == retry.backoff(job, attempt, policy)
