"""Once a day Twilio is asked what it has not told: prices, and statuses whose callback was lost."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from functions.operations.notification_reconciler import notification_reconciler
from shared.errors import Misconfigured
from shared.notifications.delivery import Delivery, DeliveryState
from shared.notifications.model import NotificationStatus
from shared.notifications.port import Reconciled
from shared.notifications.reconciling import OLDEST, YOUNGEST
from tests.context import job_of, result_of
from tests.integration.notifications.texting import message
from tests.integration.sms.conftest import UNTIL, Post

HOUR = timedelta(hours=1)


def reconcile(post: Post, *, longest: timedelta = HOUR, token: str | None = None) -> Reconciled:
    service = post.service() if token is None else post.service(token=token)
    now = post.office.clock.now()
    return service.reconcile(now, longest=longest, stop=threading.Event())


def test_price_and_status_are_there_the_next_day(post: Post) -> None:
    entry = post.send()
    assert (entry.cost_micros, entry.cost_estimated) == (7900, True)
    (made,) = post.vendor.sent
    made.status, made.price, made.segments = "delivered", "-0.01580", 2
    post.office.clock.advance(2 * HOUR)
    assert reconcile(post) == Reconciled(asked=1, changed=1)
    after = post.office.outbox().get(entry.id)
    assert after.status is NotificationStatus.DELIVERED
    assert (after.segments, after.cost_micros, after.cost_currency) == (2, 15_800, "USD")
    assert after.cost_estimated is False
    assert reconcile(post) == Reconciled(), "of what is known nobody is asked again"


def test_one_without_a_price_is_asked_about_again_for_some_days(post: Post) -> None:
    post.send()
    assert reconcile(post) == Reconciled(), "Twilio has no price yet"
    post.office.clock.advance(YOUNGEST)
    assert reconcile(post) == Reconciled(asked=1)
    post.office.clock.advance(OLDEST - YOUNGEST)
    assert reconcile(post) == Reconciled(asked=1)
    post.office.clock.advance(HOUR)
    assert reconcile(post) == Reconciled()


def test_one_that_was_delivered_and_has_no_price_is_asked_about(post: Post) -> None:
    entry = post.send()
    news = Delivery(id=entry.id, provider_id="SM1", state=DeliveryState.DELIVERED)
    post.service().record_delivery(news)
    post.office.clock.advance(2 * HOUR)
    assert reconcile(post).asked == 1


def test_what_twilio_has_no_more_stops_nothing(post: Post) -> None:
    for number in range(1, 4):
        post.send(number)
    for made in post.vendor.sent[1:]:
        made.status, made.price = "delivered", "-0.0079"
    del post.vendor.sent[0]
    post.office.clock.advance(2 * HOUR)
    assert reconcile(post) == Reconciled(asked=3, changed=2, gone=1)


def test_one_that_was_not_sent_is_not_asked_about(post: Post) -> None:
    post.vendor.numbers["+14155550001"] = 21211
    post.send(1)
    post.office.clock.advance(2 * HOUR)
    assert reconcile(post) == Reconciled()


def test_if_twilio_refuses_us_it_is_told(post: Post) -> None:
    post.send()
    post.office.clock.advance(2 * HOUR)
    with pytest.raises(Misconfigured, match="20003"):
        reconcile(post, token="wrong-hush")


def test_many_are_asked_about_by_pages_and_as_long_as_there_is_time(post: Post) -> None:
    post.service().send([message(number, UNTIL) for number in range(1, 121)])
    assert len(post.vendor.sent) == 120
    for made in post.vendor.sent:
        made.status, made.price = "delivered", "-0.0079"
    post.office.clock.advance(2 * HOUR)
    assert reconcile(post, longest=timedelta(0)) == Reconciled(complete=False)
    assert reconcile(post) == Reconciled(asked=120, changed=120)


def test_the_task_says_what_it_found(post: Post) -> None:
    post.send()
    (made,) = post.vendor.sent
    made.price = "-0.0079"
    post.office.clock.advance(2 * HOUR)
    job = job_of(clock=post.office.clock)
    found = result_of(notification_reconciler, job, notifications=post.service())
    assert found == {"forgotten": 0, "asked": 1, "changed": 1, "gone": 0, "complete": True}
    assert "asked=1" in job.log.text()


def test_the_task_forgets_old_ones_though_twilio_does_not_answer(post: Post) -> None:
    old = post.send()
    post.office.clock.advance(timedelta(days=402))
    until = post.office.clock.now() + 24 * HOUR
    (new,) = post.service().send([message(2, until)])
    post.office.clock.advance(2 * HOUR)
    with pytest.raises(Misconfigured, match="20003"):
        result_of(
            notification_reconciler,
            job_of(clock=post.office.clock),
            notifications=post.service(token="wrong-hush"),
        )
    assert [one.id for one in post.office.all()] == [new.id] != [old.id]
