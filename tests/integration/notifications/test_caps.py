"""Caps a day are held by all instances together, whatever happens (P11)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import BelfryError, Unavailable
from shared.notifications.budget import Budget
from shared.notifications.model import Entry
from shared.notifications.model import NotificationStatus as Status
from shared.notifications.outbox import Outbox
from shared.notifications.rules.caps import Cap, Used, Wish
from shared.notifications.service import Notifications
from shared.storage.connect import Connection
from shared.storage.names import Names
from shared.storage.tables.batch import Merge
from tests.integration.notifications.conftest import START, Office
from tests.integration.notifications.texting import (
    FREE,
    Clinic,
    Provider,
    message,
    owner,
    provider,
    texting,
)

DAY = timedelta(days=1)
LATE = START + 5 * DAY


@dataclass
class Recorder:
    """Whom the notifications tell of their problems."""

    said: list[tuple[str, str]] = field(default_factory=list)
    fails: bool = False

    def circuit_opened(self, service: str, text: str) -> None:
        self._record("opened", f"{service}: {text}")

    def circuit_closed(self, service: str, text: str) -> None:
        self._record("closed", f"{service}: {text}")

    def cap_reached(self, about: str, text: str, *, key: str) -> None:
        self._record(key, f"{about}: {text}")

    def message_unknown(self, about: str, text: str, *, key: str) -> None:
        self._record(key, f"{about}: {text}")

    def _record(self, what: str, text: str) -> None:
        if self.fails:
            raise Unavailable("storage", "did not answer")
        self.said.append((what, text))


@pytest.fixture
def served() -> Iterator[Provider]:
    with provider() as running:
        yield running


def total(limit: int | None = None, micros: int | None = None) -> Cap:
    return Cap(name="all", zone=UTC, messages=limit, micros=micros)


def test_a_cap_for_all_holds_the_rest_until_the_next_day_and_is_told_once(
    office: Office, served: Provider
) -> None:
    recorder = Recorder()
    sms = replace(FREE, daily_limit=3)
    one = texting(office, served, Clinic(), sms=sms, problems=recorder)
    done = one.send([message(n, LATE) for n in range(7)])
    assert [it.status.value for it in done].count("sent") == 3
    assert {it.next_at for it in done if it.status is Status.QUEUED} == {
        datetime(2026, 11, 22, tzinfo=UTC)
    }
    assert "3 text messages a day" in {it.error for it in done if it.error}.pop()
    other = texting(office, served, Clinic(), sms=sms, problems=recorder)
    other.send([message(50, LATE)])
    assert [key for key, _ in recorder.said] == ["all:2026-11-21"] * 2  # alerts tell it once
    one.flush(office.clock.advance(timedelta(hours=21)))
    assert len(served.accepted) == 6 and served.twice() == []
    assert len(recorder.said) == 3


def test_a_cap_that_ends_after_the_occasion_skips_it(office: Office, served: Provider) -> None:
    sms = replace(FREE, daily_limit=1)
    until = START + timedelta(hours=20)
    _, second = texting(office, served, Clinic(), sms=sms).send(
        [message(n, until) for n in range(2)]
    )
    assert second.status is Status.SKIPPED
    assert second.error == (
        "the cap of all tenants together is reached: 1 text messages a day; "
        "it would arrive after 2026-11-21 23:00 UTC"
    )


def test_a_tenants_caps_count_the_days_of_its_zone_and_bind_no_other_tenant(
    office: Office, served: Provider
) -> None:
    clinic = Clinic()
    zone = "America/Los_Angeles"  # where it is 19:00 on the 20th
    for number in range(4):
        clinic.owners[number] = owner(number, sms_daily_limit=2, tenant_timezone=zone)
    clinic.owners[9] = owner(9, tenant_id=2)
    messages = [*(message(n, LATE) for n in range(4)), message(9, LATE, tenant=2)]
    done = texting(office, served, clinic).send(messages)
    assert [it.status.value for it in done] == ["sent", "sent", "queued", "queued", "sent"]
    assert done[2].next_at == datetime(2026, 11, 21, 8, tzinfo=UTC)


def test_money_is_capped_by_segments_times_price(office: Office, served: Provider) -> None:
    recorder = Recorder()
    clinic = Clinic()
    for number in range(5):  # 0.0079 each
        clinic.owners[number] = owner(number, sms_daily_spend_minor=2)
    done = texting(office, served, clinic, problems=recorder).send(
        [message(n, LATE) for n in range(5)]
    )
    assert [it.status.value for it in done] == ["sent", "sent", "queued", "queued", "queued"]
    assert recorder.said[0][0] == "tenant:1:2026-11-21"
    assert "2 minor units of USD a day" in recorder.said[0][1]


def test_a_cap_in_another_currency_is_not_guessed(office: Office, served: Provider) -> None:
    clinic = Clinic({1: owner(1, sms_daily_spend_minor=100, sms_currency="EUR")})
    (held,) = texting(office, served, clinic).send([message(1, LATE)])
    assert held.status is Status.QUEUED and held.next_at == START + timedelta(hours=1)
    assert held.error is not None and "is in EUR, but SMS_SEGMENT_PRICE is in USD" in held.error
    assert served.asked == 0


def test_what_was_certainly_not_sent_is_given_back_and_what_may_have_been_is_not(
    office: Office, served: Provider
) -> None:
    one = texting(office, served, Clinic(), sms=replace(FREE, daily_limit=9))
    served.next.extend([400, 201, 201])
    one.send([message(n, LATE) for n in range(3)])
    budget = Budget(office.outbox().facts, 0)
    assert budget.used(total(9), START) == Used(2, 2 * 7900)
    served.next.append(0)
    one.send([message(7, LATE)])
    assert budget.used(total(9), START) == Used(3, 3 * 7900)


@pytest.mark.parametrize("apart", [20, 5])
def test_instances_that_send_at_once_use_the_cap_up_and_stay_below_it(
    office: Office, served: Provider, apart: int
) -> None:
    """A message that two of them want to send at the same moment is counted once."""
    sms = replace(FREE, daily_limit=25)
    each = [texting(office, served, Clinic(), sms=sms) for _ in range(3)]
    office.outbox().facts()
    together = threading.Barrier(3)

    def send(number: int) -> None:
        together.wait()
        each[number].send([message(n, LATE) for n in range(number * apart, number * apart + 20)])

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(send, range(3)))
    for one in each:
        one.flush(office.clock.now())
    assert served.twice() == [] and len(served.accepted) == 25


def test_what_there_is_room_for_is_not_held_back_by_another_who_sends_it(
    office: Office, served: Provider
) -> None:
    """Such as the task that asks for it and the flush of the same minute."""
    sms = replace(FREE, daily_limit=3)
    for day in range(6):
        office.clock.advance(DAY)
        recorder = Recorder()
        asks, flushes = (
            texting(office, served, Clinic(), sms=sms, problems=recorder) for _ in range(2)
        )
        messages = [message(10 * day + n, LATE + 30 * DAY) for n in range(3)]
        together = threading.Barrier(2)

        def send(one: Notifications) -> list[Entry]:
            together.wait()  # noqa: B023, it runs in this round
            return one.send(messages)  # noqa: B023

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(send, (asks, flushes)))
        assert {one.status for one in asks.send(messages)} == {Status.SENT}
        assert recorder.said == []


def test_counts_are_exact_however_many_reserve_and_give_back_at_once(office: Office) -> None:
    cap = total(100)
    got: list[int] = []

    def work(number: int) -> None:
        budget = Budget(office.outbox().facts, 0)
        for again in range(6):
            wishes = [Wish(f"{number}-{again}-{n}", 10) for n in range(7)]
            granted = sum(budget.reserve(cap, wishes, START))
            if granted and number % 2:
                budget.give_back(cap, wishes[0], cap.day(START))
                granted -= 1
            got.append(granted)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    used = Budget(office.outbox().facts, 0).used(cap, START)
    assert used.messages == sum(got) <= 100
    assert used.micros == 10 * used.messages


def test_a_count_that_is_garbled_stops_all_sending_and_loses_nothing(
    office: Office, served: Provider
) -> None:
    """Without the count a cap could be exceeded."""
    sms = replace(FREE, daily_limit=9)
    one = texting(office, served, Clinic(), sms=sms)
    one.send([message(1, LATE)])
    garbled = Merge("sms.day:all", "*", {"value": "[1"})
    assert office.table().transact("meta", [garbled]).committed
    with pytest.raises(BelfryError, match="count of text messages cannot be read"):
        one.send([message(2, LATE)])
    assert len(served.accepted) == 1
    assert [it.status for it in office.all(Status.QUEUED)] == [Status.QUEUED]


def test_old_days_are_not_kept(office: Office) -> None:
    budget = Budget(office.outbox().facts, 0)
    for days in range(30):
        budget.reserve(total(9), [Wish("one", 1)], START + days * DAY)
    fact = office.outbox().facts().value("sms.day:all")
    assert fact is not None and fact.count("2026-12-") == 2


def test_turns_are_shared_and_a_clock_that_was_wrong_stops_nobody(office: Office) -> None:
    outbox = Outbox(Connection(office.settings().storage), Names(office.prefix).notifications)
    one, other = Budget(outbox.facts, 10), Budget(outbox.facts, 10)
    second = timedelta(seconds=1)
    assert one.slots([1, 3], START, START + second) == [START, START + 0.1 * second]
    assert other.slots([1], START, START + second) == [START + 0.4 * second]
    assert other.slots([1], START, START + 0.4 * second) == []
    one.slots([1], START + 30 * DAY, START + 31 * DAY)
    assert other.slots([1], START, START + second) == [START]


def test_an_alert_that_cannot_be_told_stops_no_message(office: Office, served: Provider) -> None:
    recorder = Recorder(fails=True)
    sms = replace(FREE, daily_limit=1)
    one = texting(office, served, Clinic(), sms=sms, problems=recorder)
    done = one.send([message(n, LATE) for n in range(2)])
    assert [it.status.value for it in done] == ["sent", "queued"]
    recorder.fails = False
    one.send([message(3, LATE)])
    assert len(recorder.said) == 1
