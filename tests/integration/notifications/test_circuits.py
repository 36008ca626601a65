"""A provider that fails is left alone for a while, by all instances, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from shared.errors import Misconfigured, Refused, Unavailable
from shared.notifications.circuits import Circuits, Permit
from shared.notifications.model import NotificationStatus as Status
from shared.storage.tables.facts import Meta
from tests.integration.notifications.conftest import START, Office
from tests.integration.notifications.test_caps import Recorder
from tests.integration.notifications.texting import Clinic, Provider, message, provider, texting

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
LATE = START + 9 * DAY
AWAY = Unavailable("texts", "answered 503")


@pytest.fixture
def served() -> Iterator[Provider]:
    with provider() as running:
        yield running


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def circuits(office: Office, recorder: Recorder) -> Circuits:
    """Those of a process."""
    return Circuits(office.outbox().facts, {}, recorder)


def opened(one: Circuits) -> None:
    for _ in range(3):
        permit = one.ask("sms", START)
        assert isinstance(permit, Permit)
        one.record(permit, AWAY, START)


def test_three_failures_in_a_row_open_it_for_all_instances(
    office: Office, recorder: Recorder
) -> None:
    one, other = circuits(office, recorder), circuits(office, recorder)
    opened(one)
    assert other.ask("sms", START) == START + MINUTE
    assert isinstance(other.ask("mail", START), Permit), "another channel is another circuit"
    assert [what for what, _ in recorder.said] == ["opened"]
    assert "sms failed 3 times in a row" in recorder.said[0][1]


def test_a_set_up_that_is_refused_opens_it_at_once_and_is_told_as_such(
    office: Office, recorder: Recorder
) -> None:
    one = circuits(office, recorder)
    permit = one.ask("sms", START)
    assert isinstance(permit, Permit)
    one.record(permit, Misconfigured("TWILIO_AUTH_TOKEN is refused"), START)
    assert one.ask("sms", START) == START + MINUTE
    said = "sms: sms refuses our set-up; what is to be sent waits. TWILIO_AUTH_TOKEN is refused"
    assert recorder.said == [("opened", said)]


def test_failures_that_are_not_in_a_row_and_refusals_of_a_recipient_open_nothing(
    office: Office, recorder: Recorder
) -> None:
    one = circuits(office, recorder)
    for problem in (AWAY, AWAY, None, AWAY, AWAY, Refused("texts", "no number"), AWAY, AWAY):
        permit = one.ask("sms", START)
        assert isinstance(permit, Permit)
        one.record(permit, problem, START)
    assert isinstance(one.ask("sms", START), Permit) and recorder.said == []


def test_one_probe_closes_it_and_a_probe_that_fails_keeps_it_open_for_longer(
    office: Office, recorder: Recorder
) -> None:
    one, other = circuits(office, recorder), circuits(office, recorder)
    opened(one)
    now = START + MINUTE
    probe = one.ask("sms", now)
    assert isinstance(probe, Permit) and probe.holder
    assert other.ask("sms", now) == now + 2 * MINUTE, "who probes has two minutes"
    one.record(probe, AWAY, now)
    assert other.ask("sms", now) == now + 2 * MINUTE
    now += 2 * MINUTE
    probe = other.ask("sms", now)
    assert isinstance(probe, Permit) and probe.holder
    other.record(probe, None, now)
    assert one.ask("sms", now + timedelta(seconds=5)) == Permit("sms")
    assert [what for what, _ in recorder.said] == ["opened", "opened", "closed"]
    assert other.all()["sms"].is_open is False


def test_of_many_that_want_to_probe_one_does(office: Office, recorder: Recorder) -> None:
    opened(circuits(office, recorder))
    with ThreadPoolExecutor(5) as pool:
        each = list(
            pool.map(lambda _: circuits(office, recorder).ask("sms", START + MINUTE), range(5))
        )
    assert sum(isinstance(one, Permit) for one in each) == 1


def test_a_probe_that_was_killed_or_found_nothing_to_send_leaves_it_to_another(
    office: Office, recorder: Recorder
) -> None:
    one, other = circuits(office, recorder), circuits(office, recorder)
    opened(one)
    now = START + MINUTE
    assert isinstance(one.ask("sms", now), Permit)  # and it is killed
    now += 2 * MINUTE
    permit = other.ask("sms", now)
    assert isinstance(permit, Permit)
    other.give_back(permit, now)
    assert isinstance(one.ask("sms", now), Permit)


def test_a_clock_that_was_ahead_keeps_it_open_for_nobody(
    office: Office, recorder: Recorder
) -> None:
    ahead = START + 400 * DAY
    one = circuits(office, recorder)
    for _ in range(3):
        permit = one.ask("sms", ahead)
        assert isinstance(permit, Permit)
        one.record(permit, AWAY, ahead)
    probe = circuits(office, recorder).ask("sms", START)
    assert isinstance(probe, Permit) and probe.holder, "it is probed, as after any pause"
    one.record(probe, AWAY, START)
    assert isinstance(circuits(office, recorder).ask("sms", ahead), Permit), "and that probe dies"
    again = circuits(office, recorder).ask("sms", START + 3 * MINUTE)
    assert isinstance(again, Permit) and again.holder


def test_as_long_as_all_is_well_nothing_is_written(office: Office, recorder: Recorder) -> None:
    one = circuits(office, recorder)
    for seconds in range(20):
        now = START + timedelta(seconds=seconds)
        permit = one.ask("sms", now)
        assert isinstance(permit, Permit)
        one.record(permit, None, now)
    assert one.all() == {}


def test_while_storage_is_away_it_counts_as_closed(
    office: Office, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    def nowhere() -> Meta:
        raise Unavailable("table storage", "did not answer")

    one = Circuits(nowhere, {}, recorder)
    for _ in range(5):
        permit = one.ask("sms", START)
        assert isinstance(permit, Permit)
        one.record(permit, AWAY, START)
    assert "circuit_unreadable" in caplog.text


def test_while_it_is_open_messages_wait_and_then_all_go(
    office: Office, served: Provider, recorder: Recorder
) -> None:
    one = texting(office, served, Clinic(), problems=recorder)
    other = texting(office, served, Clinic(), problems=recorder)
    served.always = 429
    for occasion in range(3):
        (done,) = one.send([message(1, LATE, occasion=str(occasion))])
        assert done.status is Status.FAILED
    waiting = other.send([message(n, LATE) for n in range(20)])
    assert {it.status for it in waiting} == {Status.QUEUED}
    assert {it.attempts for it in waiting} == {0}
    assert "is away" in (waiting[0].error or "")
    assert served.asked == 3, "nobody asked the provider again"
    served.always = None
    other.flush(office.clock.advance(10 * MINUTE))
    other.flush(office.clock.advance(10 * MINUTE))
    assert len(served.accepted) == 23 and served.twice() == []
    assert [what for what, _ in recorder.said] == ["opened", "closed"]


def test_a_provider_that_is_dead_costs_one_try_a_pass(
    office: Office, served: Provider, recorder: Recorder
) -> None:
    served.always = 0  # each would be in doubt
    one = texting(office, served, Clinic(), problems=recorder)
    done = one.send([message(n, LATE) for n in range(50)])
    assert served.asked == 1
    assert [it.status for it in done].count(Status.UNSETTLED) == 1
    first, *rest = done
    said = f"sms failed for notification {first.id}; this one goes at the next flush"
    assert {(it.status, it.error) for it in rest} == {(Status.QUEUED, said)}
    assert {office.outbox().get(it.id).error for it in rest} == {said}


def test_a_wrong_password_opens_it_at_once_and_the_messages_go_when_it_is_right(
    office: Office, served: Provider, recorder: Recorder
) -> None:
    served.always = 401
    one = texting(office, served, Clinic(), problems=recorder)
    first = one.send([message(n, LATE) for n in range(5)])
    second = one.send([message(9, LATE)])
    assert served.asked == 1 and [what for what, _ in recorder.said] == ["opened"]
    assert "correct TEXTS_PASSWORD" in recorder.said[0][1]
    assert {it.next_at is None for it in [*first, *second]} == {False}
    served.always = None
    for _ in range(3):
        one.flush(office.clock.advance(5 * MINUTE))
    assert len(served.accepted) == 6 and served.twice() == []


def test_what_nobody_needs_any_more_ends_while_it_is_open(
    office: Office, served: Provider, recorder: Recorder
) -> None:
    served.always = 401
    one = texting(office, served, Clinic(), problems=recorder)
    one.send([message(n, START + 3 * MINUTE) for n in range(4)])
    for _ in range(5):
        one.flush(office.clock.advance(2 * MINUTE))
    found = office.all()
    assert {it.status for it in found} == {Status.SKIPPED}
    assert all("it would arrive after 2026-11-21 03:03 UTC" in (it.error or "") for it in found)


def test_administrators_mail_waits_too(office: Office) -> None:
    office.administrators = ("ana@example.com",)
    one = office.notifications()
    facts = office.outbox().facts
    opening = Circuits(facts, {}, Recorder())
    for _ in range(3):
        permit = opening.ask("mail", START)
        assert isinstance(permit, Permit)
        opening.record(permit, AWAY, START)
    (held,) = one.mail_administrators(key="k", subject="s", text="t")
    assert (held.status, held.attempts, held.next_at) == (Status.QUEUED, 0, START + MINUTE)
    assert [it.status for it in office.later(MINUTE)] == [Status.SENT]
