"""The state that all deliveries to an endpoint share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.webhooks import endpoint
from shared.webhooks.deciding import Kind, Verdict
from shared.webhooks.endpoint import Endpoint, Pace

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUICK = timedelta(seconds=0.2)
AWAY = Verdict(kind=Kind.RETRY, error="503", away=True)
ODD = Verdict(kind=Kind.RETRY, error="400")
DONE = Verdict(kind=Kind.DELIVERED)


def failed(times: int, verdict: Verdict = AWAY, every: timedelta = timedelta(0)) -> Endpoint:
    one = Endpoint()
    for number in range(times):
        one = endpoint.after(one, verdict, QUICK, NOW + number * every)
    return one


def test_the_third_failure_in_a_row_opens_the_breaker() -> None:
    assert endpoint.waits_until(failed(2), NOW) is None
    assert endpoint.waits_until(failed(3), NOW) == NOW + timedelta(minutes=1)


def test_it_is_probed_by_one_and_its_success_is_for_all() -> None:
    later = NOW + timedelta(minutes=1)
    found = failed(3)
    assert endpoint.waits_until(found, later) is None and endpoint.needs_probe(found)
    probed = endpoint.probed(found, "me", later)
    assert endpoint.waits_until(probed, later) is not None  # for everybody else
    assert endpoint.after(probed, DONE, QUICK, later) == Endpoint(pace=Pace.FAST)


def test_a_probe_that_fails_doubles_the_pause_up_to_an_hour() -> None:
    one, pauses = failed(3), []
    for _ in range(9):
        now = one.open_until or NOW
        one = endpoint.after(endpoint.probed(one, "me", now), AWAY, QUICK, now)
        pauses.append(((one.open_until or now) - now).total_seconds() / 60)
    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60, 60]


def test_retry_after_holds_for_the_whole_endpoint_at_once() -> None:
    asked = Verdict(kind=Kind.RETRY, away=True, slow=True, pause=timedelta(hours=2))
    found = endpoint.after(Endpoint(), asked, QUICK, NOW)
    assert endpoint.waits_until(found, NOW) == NOW + timedelta(hours=2)


def test_an_endpoint_that_answers_is_not_away_whatever_it_answers() -> None:
    found = failed(10, ODD)
    assert endpoint.waits_until(found, NOW) is None
    assert found.failing_since == NOW


def test_five_days_of_failures_alone_are_hopeless() -> None:
    day = timedelta(days=1)
    assert not endpoint.is_hopeless(failed(4, every=2 * day), NOW + 9 * day)  # too few
    assert not endpoint.is_hopeless(failed(5, every=day), NOW + 4 * day)  # not yet
    hopeless = failed(6, every=day)
    assert endpoint.is_hopeless(hopeless, NOW + 5 * day)
    assert not endpoint.is_hopeless(endpoint.after(hopeless, DONE, QUICK, NOW), NOW + 5 * day)
    enabled = endpoint.after_disabling(hopeless, NOW)
    assert endpoint.needs_probe(enabled) and not endpoint.is_hopeless(enabled, NOW + 9 * day)


def test_its_pace_is_that_of_its_last_answer() -> None:
    assert endpoint.after(Endpoint(), DONE, timedelta(seconds=4), NOW).pace is Pace.SLOW
    assert endpoint.after(Endpoint(pace=Pace.FAST), AWAY, QUICK, NOW).pace is Pace.NEW
    late = Verdict(kind=Kind.RETRY, away=True, slow=True)
    assert endpoint.after(Endpoint(), late, QUICK, NOW).pace is Pace.SLOW


@given(st.lists(st.tuples(st.sampled_from([AWAY, ODD, DONE]), st.integers(0, 10_000))))
def test_it_is_always_let_through_again(said: list[tuple[Verdict, int]]) -> None:
    one, now = Endpoint(), NOW
    for verdict, seconds in said:
        now += timedelta(seconds=seconds)
        if (waits := endpoint.waits_until(one, now)) is not None:
            assert now < waits <= now + timedelta(hours=1)
            continue
        one = endpoint.after(one, verdict, QUICK, now)
        assert (one.failures == 0) == (verdict is DONE) == (one.failing_since is None)
