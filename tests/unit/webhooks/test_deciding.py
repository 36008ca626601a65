"""What becomes of a delivery, by what came back; its times."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.outgoing.model import Answer, Blocked, Unreachable, Why
from shared.webhooks import deciding
from shared.webhooks.deciding import DELAYS, LONGEST_PAUSE, Kind, Verdict
from shared.webhooks.model import HELD, LOGGED, Delivery, DeliveryStatus, Tried

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def answer(status: int, **headers: str) -> Answer:
    return Answer(
        url="https://example.com/hook",
        status=status,
        headers=tuple((name.replace("_", "-"), value) for name, value in headers.items()),
        body=b"",
        cut=False,
        address="192.0.2.1",
        connected_after=0.1,
        first_byte_after=0.2,
        ended_after=0.3,
    )


def new(**changes: object) -> Delivery:
    first = Delivery(
        id="0" * 12 + "-" + "1" * 13 + "-" + "2" * 16,
        hook="0" * 12,
        webhook_id="15",
        type="test",
        due_at=NOW,
        body="{}",
        next_at=NOW,
        created_at=NOW,
    )
    return replace(first, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "kind", "slow", "away"),
    [
        (200, Kind.DELIVERED, False, False),
        (204, Kind.DELIVERED, False, False),
        (299, Kind.DELIVERED, False, False),
        (301, Kind.RETRY, False, False),
        (304, Kind.RETRY, False, False),
        (400, Kind.RETRY, False, False),
        (404, Kind.RETRY, False, False),
        (410, Kind.GONE, False, False),
        (429, Kind.RETRY, True, True),
        (500, Kind.RETRY, False, True),
        (502, Kind.RETRY, True, True),
        (503, Kind.RETRY, False, True),
        (504, Kind.RETRY, True, True),
    ],
)
def test_the_status_decides(status: int, kind: Kind, slow: bool, away: bool) -> None:
    found = deciding.of_answer(answer(status), NOW)
    assert (found.kind, found.slow, found.away) == (kind, slow, away)
    assert bool(found.error) == (kind is not Kind.DELIVERED)


def test_a_receiver_can_refuse_one_message_for_good() -> None:
    found = deciding.of_answer(answer(400, Webhook_Delivery="abort-message"), NOW)
    assert found.kind is Kind.GIVE_UP


def test_errors_that_stay_end_it_and_others_do_not() -> None:
    assert deciding.of_error(Blocked("x", "10.0.0.1 is private")).kind is Kind.GIVE_UP
    assert deciding.of_error(Invalid("headers", "no Host")).kind is Kind.GIVE_UP
    late = deciding.of_error(Unreachable("x", "no answer", Why.TIMEOUT))
    assert (late.kind, late.slow, late.away) == (Kind.RETRY, True, True)
    assert not deciding.of_error(Unreachable("x", "refused", Why.CONNECT)).slow


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("0", 0),
        (" 120 ", 120),
        ("9" * 5000, LONGEST_PAUSE.total_seconds()),
        ("Sun, 01 Mar 2026 12:10:00 GMT", 600),
        ("Sun, 01 Mar 2026 13:10:00 +0100", 600),
        ("Sunday, 01-Mar-26 12:10:00 GMT", 600),
        ("Sun Mar  1 12:10:00 2026", 600),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_PAUSE.total_seconds()),
        ("Sun, 99 Mar 2026 12:10:00 GMT", None),
        ("١٢٠", None),
    ],
)
def test_retry_after_has_two_forms(value: str | None, seconds: float | None) -> None:
    found = deciding.retry_after(value, NOW)
    assert (None if found is None else found.total_seconds()) == seconds


def test_the_next_attempt_waits_as_the_standard_and_the_receiver_say() -> None:
    mine = deciding.claimed(new(), "me", NOW)
    tried = Tried(at=NOW)
    plain = deciding.after(mine, deciding.of_answer(answer(503), NOW), tried, NOW)
    assert timedelta(seconds=4) <= (plain.next_at or NOW) - NOW <= timedelta(seconds=6)
    asked = deciding.after(mine, deciding.of_answer(answer(503, Retry_After="90"), NOW), tried, NOW)
    assert asked.next_at == NOW + timedelta(seconds=90)


def test_ten_attempts_take_three_days_and_it_is_given_up() -> None:
    one, now, began = new(), NOW, NOW
    for _ in DELAYS:
        now = one.next_at or now
        one = deciding.claimed(one, "me", now)
        one = deciding.after(one, Verdict(kind=Kind.RETRY, error="no"), Tried(at=now), now)
    assert (one.status, one.attempts, one.next_at) == (DeliveryStatus.FAILED, 10, None)
    assert timedelta(hours=60) < now - began < timedelta(hours=91)


def test_a_test_is_sent_once() -> None:
    mine = deciding.claimed(new(test=True), "me", NOW)
    after = deciding.after(mine, Verdict(kind=Kind.RETRY, error="no"), Tried(at=NOW), NOW)
    assert after.status is DeliveryStatus.FAILED


_STEPS = st.sampled_from(["delivered", "retry", "give_up", "gone", "killed", "stopped", "again"])


@given(st.lists(_STEPS, max_size=60))
def test_whatever_happens_a_delivery_is_due_or_has_ended(steps: list[str]) -> None:
    one, now = new(), NOW
    for step in steps:
        if step == "again":
            one = deciding.again(one, "", now)
        elif one.next_at is not None:
            now = max(now, one.next_at)
            if deciding.exhausted(one):
                one = deciding.given_up(one, "died", now)
                continue
            before = one
            one = deciding.claimed(one, "me", now)
            assert not deciding.may_claim(one, now + HELD - timedelta(seconds=1))
            if step == "stopped":
                one = deciding.given_back(one, now)
                assert one.tries == before.tries
            elif step != "killed":
                verdict = Verdict(kind=Kind(step), error="" if step == "delivered" else "no")
                one = deciding.after(one, verdict, Tried(at=now), now)
        assert one.status.ended == (one.next_at is None) == (one.ended_at is not None)
        assert 0 <= one.tries <= len(DELAYS) + 3
        assert len(one.log) <= LOGGED
        assert (one.id, one.body) == (new().id, new().body)
