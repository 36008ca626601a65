"""What a provider says later is recorded, in whatever order it comes; reports; the task that
flushes; rows of earlier versions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from functions.operations.notification_sender import notification_sender
from shared.alerts.of_notifications import NotificationAlerts
from shared.alerts.port import AlertKind
from shared.errors import Invalid, NotFound
from shared.notifications.delivery import Delivery, DeliveryState
from shared.notifications.double import Reply
from shared.notifications.model import NotificationStatus as Status
from shared.notifications.problems import Problems
from shared.notifications.rows import notification_key
from shared.storage.tables.batch import Merge, Replace
from tests.context import job_of, result_of
from tests.integration.notifications.conftest import ANA, EUN, START, Office
from tests.integration.notifications.texting import (
    SILENT,
    Clinic,
    Provider,
    message,
    provider,
    texting,
)

UNTIL = START + timedelta(days=1)


@pytest.fixture
def served() -> Iterator[Provider]:
    with provider() as running:
        yield running


def news(id: str, state: DeliveryState, **more: Any) -> Delivery:
    return Delivery(id=id, provider_id="SM1", state=state, **more)


def test_news_come_in_any_order_and_repeatedly(office: Office, served: Provider) -> None:
    one = texting(office, served, Clinic())
    (sent,) = one.send([message(1, UNTIL)])
    bad = news(sent.id, DeliveryState.UNDELIVERED, error_code="30003", segments=2)
    arrived = one.record_delivery(bad)
    assert (arrived.status, arrived.error_code, arrived.segments) == (
        Status.UNDELIVERED,
        "30003",
        2,
    )
    assert arrived.error == "the provider could not deliver it (its error 30003)"
    assert one.record_delivery(bad).etag == arrived.etag, "a repetition writes nothing"
    for late in (DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.DELIVERED):
        after = one.record_delivery(news(sent.id, late))
        assert (after.status, after.error_code) == (Status.UNDELIVERED, "30003")
    priced = one.record_delivery(
        news(sent.id, DeliveryState.SENT, cost_micros=15_900, cost_currency="USD")
    )
    assert (priced.cost_micros, priced.cost_estimated) == (15_900, False)
    assert one.flush(office.clock.advance(timedelta(days=9))) == []


def test_a_callback_settles_what_was_in_doubt(office: Office, served: Provider) -> None:
    served.next.append(SILENT)
    served.lists = False
    one = texting(office, served, Clinic())
    (doubtful,) = one.send([message(1, UNTIL)])
    assert doubtful.status is Status.UNSETTLED
    settled = one.record_delivery(news(doubtful.id, DeliveryState.SENT))
    assert (settled.status, settled.provider_id, settled.next_at) == (Status.SENT, "SM1", None)
    assert one.flush(office.clock.advance(timedelta(days=9))) == []
    assert served.asked == 1


def test_a_callback_that_comes_before_the_answer_stands(office: Office, served: Provider) -> None:
    """The provider calls while it still owes the answer to the request."""
    served.gate.clear()
    one = texting(office, served, Clinic())
    made: list[Any] = []
    thread = threading.Thread(target=lambda: made.extend(one.send([message(1, UNTIL)])))
    thread.start()
    while not served.accepted:
        thread.join(0.01)
    one.record_delivery(news(served.accepted[0]["id"], DeliveryState.DELIVERED))
    served.gate.set()
    thread.join()
    (done,) = made
    assert (done.status, done.segments) == (Status.DELIVERED, 1)


def test_news_of_what_is_not_there_are_told(office: Office, served: Provider) -> None:
    with pytest.raises(NotFound, match="no notification"):
        texting(office, served, Clinic()).record_delivery(news("SM9", DeliveryState.SENT))


REPORT = {
    "day": "2026-11-20",
    "currencies": [
        {
            "currency": "USD",
            "costs": [
                {
                    "category": "sms",
                    "amount_minor": 1250,
                    "day_before_minor": 900,
                    "mean_minor": None,
                }
            ],
            "revenue_minor": 99_000,
            "revenue_day_before_minor": 0,
            "revenue_mean_minor": None,
        }
    ],
}


def test_a_report_goes_to_each_administrator_once_in_words_that_its_row_has(
    office: Office,
) -> None:
    one = office.notifications()
    for _ in range(2):
        one.report(kind="cost_report", key="cost:2026-11-20", data=REPORT)
    assert office.vendors.mailed() == [ANA, EUN]
    assert {(it.kind, it.status) for it in office.all()} == {("cost_report", Status.SENT)}
    assert all("12.50" in it.text for it in office.all())
    kinds = [part["type"] for part in office.vendors.to("mail")[0].body["content"]]
    assert kinds == ["text/plain", "text/html"]


def test_a_report_that_waits_is_made_again_from_its_data(office: Office) -> None:
    office.administrators = (ANA,)
    office.vendors.say("mail", Reply(503))
    office.notifications().report(kind="cost_report", key="cost", data=REPORT)
    assert [it.status for it in office.later(timedelta(minutes=1))] == [Status.SENT]
    first, second = (got.body["content"] for got in office.vendors.to("mail"))
    assert first == second


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("cost_report", {"day": "tomorrow"}, "day"),
        ("nothing", REPORT, "no kind"),
        ("appointment_reminder_24h", REPORT, "goes by sms"),
    ],
)
def test_a_report_of_other_data_is_refused_and_not_stored(
    office: Office, kind: str, data: dict[str, object], said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        office.notifications().report(kind=kind, key="k", data=data)
    assert office.all() == []


def test_a_report_whose_kind_is_gone_fails_for_good_and_says_why(office: Office) -> None:
    office.administrators = (ANA,)
    office.vendors.say("mail", Reply(503))
    (waits,) = office.notifications().report(kind="cost_report", key="cost", data=REPORT)
    gone = Merge(notification_key(waits.id), "*", {"kind": "cost_report_of_old"})
    assert office.table().transact("messages", [gone]).committed
    (failed,) = office.later(timedelta(minutes=1))
    assert (failed.status, failed.next_at) == (Status.FAILED, None)
    assert failed.error is not None and "no kind 'cost_report_of_old'" in failed.error


def test_the_task_sends_what_is_due_and_says_how_it_went(office: Office, served: Provider) -> None:
    one = texting(office, served, Clinic())
    served.always = 429
    one.send([message(1, UNTIL)])
    served.always = None
    office.clock.advance(timedelta(minutes=5))
    job = job_of(clock=office.clock)
    result = result_of(notification_sender, job, notifications=one)
    assert result == {"changed": 1, "statuses": {"sent": 1}}


def test_the_task_begins_nothing_once_it_is_told_to_end(office: Office, served: Provider) -> None:
    one = texting(office, served, Clinic())
    served.always = 429
    one.send([message(1, UNTIL)])
    office.clock.advance(timedelta(minutes=5))
    job = job_of(clock=office.clock)
    job.stop.set()
    assert result_of(notification_sender, job, notifications=one)["changed"] == 0
    assert served.asked == 1


def test_rows_of_the_first_versions_are_read(office: Office) -> None:
    office.administrators = (ANA,)
    (sent,) = office.notifications().mail_administrators(key="k", subject="s", text="t")
    row = office.table().get("messages", notification_key(sent.id))
    assert row is not None
    first = [
        "key",
        "channel",
        "recipient",
        "subject",
        "text",
        "status",
        "attempts",
        "error",
        "provider_id",
        "created_at",
        "next_at",
        "sent_at",
        "holder",
    ]
    old = {name: row[name] for name in first}
    step = Replace(notification_key(sent.id), "*", old)
    assert office.table().transact("messages", [step]).committed
    (read,) = office.all()
    assert (read.kind, read.tenant_id, read.lookups, read.error_code) == ("", None, 0, None)
    assert office.notifications().page(None, None, 1, 10, kind="cost_report") == ([], 0)


class Recorded:
    """An `AlertService` that records."""

    def __init__(self) -> None:
        self.said: list[tuple[str, ...]] = []

    def open(self, kind: AlertKind, about: str, text: str, *, level: int = 0) -> None:
        del level
        self.said.append(("open", kind, about, text))

    def close(self, kind: AlertKind, about: str, text: str) -> None:
        self.said.append(("close", kind, about, text))

    def happened(self, kind: AlertKind, about: str, text: str, *, key: str) -> None:
        self.said.append(("happened", kind, about, text, key))


def test_problems_are_forwarded_to_the_alerts() -> None:
    alerts = Recorded()
    problems: Problems = NotificationAlerts(lambda: alerts)
    problems.circuit_opened("sms", "away")
    problems.circuit_closed("sms", "back")
    problems.cap_reached("tenant:1", "enough", key="tenant:1:2026-11-21")
    assert alerts.said == [
        ("open", "circuit_opened", "sms", "away"),
        ("close", "circuit_opened", "sms", "back"),
        ("happened", "cap_reached", "tenant:1", "enough", "tenant:1:2026-11-21"),
    ]
