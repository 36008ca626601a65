"""Messages to owners: each once, by rules that are asked right before it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from shared.errors import Invalid
from shared.notifications import asking, channels, states
from shared.notifications.double import Reply
from shared.notifications.model import NotificationStatus as Status
from shared.notifications.service import Notifications
from tests.clocks import HastyClock
from tests.integration.notifications.conftest import ANA, START, Office
from tests.integration.notifications.test_caps import Recorder
from tests.integration.notifications.texting import (
    BROKEN,
    FREE,
    SILENT,
    Clinic,
    Provider,
    Texts,
    message,
    owner,
    phone,
    provider,
    texting,
)

DAY = timedelta(days=1)
UNTIL = START + DAY
MINUTE = timedelta(minutes=1)


@pytest.fixture
def served() -> Iterator[Provider]:
    with provider() as running:
        yield running


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


def test_each_owner_gets_one_and_its_row_says_what_and_where(
    office: Office, served: Provider, clinic: Clinic
) -> None:
    done = texting(office, served, clinic).send([message(n, UNTIL) for n in range(3)])
    assert [one.status for one in done] == [Status.SENT] * 3
    assert served.counted() == {phone(n): 1 for n in range(3)}
    first = office.outbox().get(done[0].id)
    assert (first.tenant_id, first.owner_id, first.address) == (1, 0, phone(0))
    assert "Pet 0" in first.text and first.provider_id is not None
    assert (first.segments, first.cost_micros, first.cost_currency, first.cost_estimated) == (
        1,
        7900,
        "USD",
        True,
    )


def test_asked_again_by_anybody_nothing_is_sent_again_and_all_are_returned_in_order(
    office: Office, served: Provider, clinic: Clinic
) -> None:
    first = texting(office, served, clinic)
    messages = [message(n, UNTIL) for n in range(40)]
    ids = [one.id for one in first.send(messages)]
    again = [*messages[20:], message(99, UNTIL), *messages[:20], messages[3]]
    for one in (first, texting(office, served, clinic)):
        done = one.send(again)
        assert [it.id for it in done if it.owner_id != 99] == [*ids[20:], *ids[:20], ids[3]]
        assert {it.status for it in done} == {Status.SENT}
    assert served.twice() == [] and len(served.accepted) == 41


def test_another_occasion_is_another_message(
    office: Office, served: Provider, clinic: Clinic
) -> None:
    one = texting(office, served, clinic)
    one.send([message(1, UNTIL, occasion="7@10:00"), message(1, UNTIL, occasion="7@11:00")])
    assert served.counted() == {phone(1): 2}


def test_what_the_rules_forbid_is_skipped_with_the_reason_and_stops_no_other(
    office: Office, served: Provider, clinic: Clinic
) -> None:
    clinic.owners = {
        1: owner(1, opted_in=False),
        2: owner(2, phone="12"),
        3: owner(3, phone=None),
        5: owner(5, phone="0176 12345678"),
    }
    clinic.dropped = {4: "the appointment was cancelled"}
    messages = [*(message(n, UNTIL) for n in range(6)), message(7, START)]
    done = texting(office, served, clinic).send(messages)
    assert [one.status.value for one in done] == ["sent", *["skipped"] * 6]
    assert [one.error for one in done[1:]] == [
        "the owner has not agreed to text messages",
        "... is no valid phone number of its country",
        "the owner has no phone number",
        "the appointment was cancelled",
        "...78 is no valid phone number of its country",
        "it would arrive after 2026-11-21 03:00 UTC",
    ]
    assert served.counted() == {phone(0): 1}


def test_the_rules_are_asked_when_it_is_sent_and_not_when_it_was_asked_for(
    office: Office, served: Provider, clinic: Clinic
) -> None:
    """A number that the provider throttled is asked for again; meanwhile the owner said STOP."""
    served.next.append(429)
    (waits,) = texting(office, served, clinic).send([message(1, UNTIL)])
    assert (waits.status, waits.next_at) == (Status.FAILED, START + timedelta(seconds=90))
    clinic.owners[1] = owner(1, opted_in=False)
    office.clock.advance(timedelta(seconds=90))
    (done,) = texting(office, served, clinic).flush(office.clock.now())
    assert done.status is Status.SKIPPED and served.accepted == []


def test_quiet_hours_hold_it_until_they_end_in_the_owners_zone(
    office: Office, served: Provider, clinic: Clinic
) -> None:
    sms = replace(FREE, hours=(540, 1200))
    clinic.owners = {
        1: owner(1, timezone="America/New_York"),
        2: owner(2, timezone="Asia/Tokyo"),
    }
    one = texting(office, served, clinic, sms=sms)
    held, sent = one.send([message(1, UNTIL), message(2, UNTIL)])  # 22:00 and 12:00
    opens = START.replace(hour=14)
    assert (held.status, held.next_at, held.attempts) == (Status.QUEUED, opens, 0)
    assert held.error == "texts go from 09:00-20:00 in America/New_York, where it is 22:00"
    assert sent.status is Status.SENT
    assert one.flush(office.clock.advance(timedelta(hours=11) - MINUTE)) == []
    assert [it.status for it in one.flush(office.clock.advance(MINUTE))] == [Status.SENT]
    assert served.twice() == [] and len(served.accepted) == 2


def test_what_would_arrive_too_late_after_quiet_hours_is_not_sent(
    office: Office, served: Provider, clinic: Clinic
) -> None:
    sms = replace(FREE, hours=(540, 1200))
    (done,) = texting(office, served, clinic, sms=sms).send([message(1, START.replace(hour=9))])
    assert done.status is Status.SKIPPED
    assert done.error == (
        "texts go from 09:00-20:00 in UTC, where it is 03:00; it would arrive after "
        "2026-11-21 09:00 UTC"
    )


def test_without_leave_or_a_provider_it_is_kept_with_its_words(
    office: Office, served: Provider, clinic: Clinic, caplog: pytest.LogCaptureFixture
) -> None:
    off = texting(office, served, clinic, sms=replace(FREE, enabled=False))
    (kept,) = off.send([message(1, UNTIL)])
    assert (kept.status, kept.error, kept.next_at) == (
        Status.KEPT,
        "SMS_ENABLED is false",
        None,
    )
    assert "Pet 1" in kept.text
    assert texting(office, served, clinic).flush(office.clock.advance(MINUTE)) == []
    assert served.asked == 0
    caplog.clear()
    with caplog.at_level("INFO"):
        off.send([message(n, UNTIL) for n in range(2, 20)])
    said = 'notifications_kept channel=sms count=18 reason="SMS_ENABLED is false"'
    assert [one.getMessage() for one in caplog.records] == [said], "one line for all"


def test_a_database_that_is_away_keeps_all_waiting_without_asking_for_each(
    office: Office, served: Provider, clinic: Clinic
) -> None:
    clinic.away = True
    one = texting(office, served, clinic)
    done = one.send([message(n, UNTIL) for n in range(100)])
    assert {it.status for it in done} == {Status.QUEUED}
    assert clinic.asked <= 8
    clinic.away = False
    assert len(one.flush(office.clock.now())) == 100
    assert served.twice() == [] and len(served.accepted) == 100


def test_a_message_that_cannot_be_decided_waits_alone(
    office: Office, served: Provider, clinic: Clinic
) -> None:
    clinic.owners = {1: owner(1, timezone="Mars/Olympus")}
    done = texting(office, served, clinic).send(
        [message(1, UNTIL), replace(message(2, UNTIL), about={}), message(3, UNTIL)]
    )
    assert [it.status for it in done] == [Status.QUEUED, Status.QUEUED, Status.SENT]
    assert [it.next_at for it in done[:2]] == [START + timedelta(hours=1)] * 2
    assert "Mars/Olympus" in (done[0].error or "")
    assert done[1].error == "failed unexpectedly (KeyError)"


def test_a_kind_that_is_none_or_goes_by_mail_is_refused_before_anything_is_stored(
    office: Office, served: Provider, clinic: Clinic
) -> None:
    one = texting(office, served, clinic)
    for kind, said in (("nothing", "no kind"), ("cost_report", "goes by mail")):
        with pytest.raises(Invalid, match=said):
            one.send([message(1, UNTIL), replace(message(2, UNTIL), kind=kind)])
    assert office.all() == []


@pytest.mark.parametrize("lost", [SILENT, BROKEN])
def test_what_may_have_been_sent_is_asked_for_and_never_sent_again(
    office: Office, served: Provider, clinic: Clinic, lost: int
) -> None:
    served.next.append(lost)
    one = texting(office, served, clinic)
    (open_,) = one.send([message(1, UNTIL)])
    assert (open_.status, open_.next_at) == (Status.UNSETTLED, START + 2 * MINUTE)
    assert [it.status for it in one.send([message(1, UNTIL)])] == [Status.UNSETTLED]
    assert one.flush(office.clock.advance(MINUTE)) == []
    (settled,) = one.flush(office.clock.advance(MINUTE))
    assert (settled.status, settled.provider_id) == (Status.SENT, "SM1")
    assert served.asked == 1


def test_what_nobody_can_say_ends_as_unknown_for_a_person(
    office: Office, served: Provider, clinic: Clinic, caplog: pytest.LogCaptureFixture
) -> None:
    served.next.append(SILENT)
    served.lists = False
    one = texting(office, served, clinic)
    one.send([message(1, UNTIL)])
    for minutes in (2, 10, 30):
        (found,) = one.flush(office.clock.advance(minutes * MINUTE))
    assert (found.status, found.next_at, found.lookups) == (Status.UNKNOWN, None, 3)
    assert found.error is not None and "Look for ...01 in the provider's log" in found.error
    assert "notification_unknown" in caplog.text
    assert one.flush(office.clock.advance(30 * DAY)) == []
    assert served.asked == 1


def test_people_are_told_once_of_what_nobody_can_say_also_if_alerts_are_away(
    office: Office, served: Provider, clinic: Clinic
) -> None:
    """It is final only when somebody was told: else nobody would look."""
    served.next.append(SILENT)
    served.lists = False
    told = Recorder(fails=True)
    one = texting(office, served, clinic, problems=told)
    one.send([message(1, UNTIL)])
    for minutes in (2, 10, 30):
        (found,) = one.flush(office.clock.advance(minutes * MINUTE))
    assert (found.status, told.said) == (Status.UNSETTLED, [])
    assert found.next_at == office.clock.now() + 60 * MINUTE
    told.fails = False
    (found,) = one.flush(office.clock.advance(60 * MINUTE))
    assert found.status is Status.UNKNOWN
    ((key, said),) = told.said
    assert key == f"unknown:{found.id}" and said.startswith(f"tenant 1: {found.kind} {found.id}: ")
    assert "Look for ...01" in said and phone(1) not in said
    assert one.flush(office.clock.advance(DAY)) == [] and len(told.said) == 1


def test_a_provider_that_does_not_answer_is_asked_until_it_does(
    office: Office, clinic: Clinic
) -> None:
    """One question a pass, however many are in doubt: each may cost a timeout."""
    with provider() as served:
        one = texting(office, served, clinic)
        for number in range(2):
            served.next.append(SILENT)
            one.send([message(number, UNTIL)])
    for _ in range(6):
        one.flush(office.clock.advance(timedelta(hours=1)))
    found = office.all()
    assert {it.status for it in found} == {Status.UNSETTLED}
    assert 3 <= sum(it.lookups for it in found) <= 6


def test_a_refusal_of_one_number_is_final_and_the_next_are_sent(
    office: Office, served: Provider, clinic: Clinic
) -> None:
    served.next.append(400)
    done = texting(office, served, clinic).send([message(n, UNTIL) for n in range(3)])
    assert sorted(it.status.value for it in done) == ["failed", "sent", "sent"]
    assert [it.next_at for it in done] == [None] * 3


def test_the_rate_is_kept_by_all_instances_together(
    office: Office, served: Provider, clinic: Clinic
) -> None:
    clock = HastyClock(START)
    sms = replace(FREE, per_second=2)
    for first in (0, 10):
        one = texting(office, served, clinic, sms=sms, clock=clock)
        one.send([message(n, UNTIL) for n in range(first, first + 10)])
    assert clock.now() - START >= timedelta(seconds=19 / 2)
    assert len(served.accepted) == 20


def test_what_cannot_go_in_time_is_left_to_the_next_pass(
    office: Office, served: Provider, clinic: Clinic
) -> None:
    clock = HastyClock(START)
    one = texting(office, served, clinic, sms=replace(FREE, per_second=1), clock=clock)
    done = one.send([message(n, UNTIL) for n in range(200)])
    assert 100 < sum(it.status is Status.SENT for it in done) < 200, "two minutes at 1 a second"
    one.flush(clock.now())
    assert len(served.accepted) == 200 and served.twice() == []


def test_a_rehearsal_says_what_would_be_done_and_does_nothing(
    office: Office, served: Provider, clinic: Clinic
) -> None:
    sms = replace(FREE, hours=(0, 1439), daily_limit=2)
    one = texting(office, served, clinic, sms=sms)
    one.send([message(9, UNTIL)])
    before = list(office.table().query(""))
    clinic.owners = {1: owner(1, opted_in=False)}
    until = START + timedelta(hours=2)
    foreseen = one.rehearse([message(n, until) for n in (1, 2, 9, 3, 4)], START)
    assert [(it.owner_id, it.status.value) for it in foreseen] == [
        (1, "skipped"),
        (2, "sent"),
        (3, "skipped"),
        (4, "skipped"),
    ]
    assert "Pet 2" in foreseen[1].text and foreseen[1].cost_micros == 7900
    assert "cap of all tenants together is reached: 2 text messages" in (foreseen[2].error or "")
    assert list(office.table().query("")) == before
    assert len(served.accepted) == 1


def test_an_alert_does_not_wait_behind_messages_to_owners(
    office: Office, served: Provider, clinic: Clinic
) -> None:
    """Though theirs have waited for longer, and there is time for some of them only."""
    clock = HastyClock(START)
    slow = replace(FREE, per_second=1)
    office.vendors.say("mail", Reply(503))
    one = Notifications(
        office.outbox(),
        {**channels.senders(office.settings().channels), "sms": Texts(served.url)},
        lambda: (ANA,),
        clock,
        sms=slow,
        reviews=clinic.reviews(),
    )
    clinic.away = True
    one.send([message(n, UNTIL) for n in range(20)])
    clinic.away = False
    clock.advance(MINUTE)
    one.mail_administrators(key="k", subject="s", text="t")
    assert office.vendors.mailed() == [ANA]
    clock.advance(MINUTE)
    done = one.flush(clock.now(), longest=timedelta(seconds=5))
    assert done[0].channel == "mail" and done[0].status is Status.SENT
    assert 1 < len(served.accepted) < 20


def test_what_becomes_due_at_the_same_instant_in_another_lane_is_found(
    office: Office, served: Provider, clinic: Clinic
) -> None:
    """A pause of exactly the ten minutes that a claim lasts."""
    one = texting(office, served, clinic)
    (queued,) = office.outbox().put_all([asking.to_owner(message(1, UNTIL))], START)
    taken = office.outbox().claim(queued[0], START)
    assert taken is not None and taken.next_at == START + 10 * MINUTE
    step = partial(states.failed, holder=taken.holder, error="later", again=taken.next_at)
    office.outbox().update(taken, step)
    assert [it.status for it in one.flush(office.clock.advance(10 * MINUTE))] == [Status.SENT]


@pytest.mark.parametrize("ends", ["hours", "occasion"])
def test_what_its_turn_comes_too_late_for_is_not_sent(
    office: Office, served: Provider, clinic: Clinic, ends: str
) -> None:
    """At 03:00 it may be sent; its turn by the rate comes a minute and a half later."""
    clock = HastyClock(START)
    office.outbox().facts().put("sms.next", (START + 1.5 * MINUTE).isoformat())
    hours = (0, 181) if ends == "hours" else (0, 1440)
    until = UNTIL if ends == "hours" else START + MINUTE
    sms = replace(FREE, hours=hours, per_second=1, daily_limit=1)
    one = texting(office, served, clinic, sms=sms, clock=clock)
    (left,) = one.send([message(1, until)])
    assert (left.status, left.attempts, served.asked) == (Status.QUEUED, 0, 0)
    (after,) = one.flush(clock.now())
    assert after.status is (Status.QUEUED if ends == "hours" else Status.SKIPPED)
    assert after.next_at == (START.replace(day=22, hour=0) if ends == "hours" else None)
    counted = office.outbox().facts().value("sms.day:all") or ""
    assert '"messages": 0' in counted, "its place under the cap was given back"
