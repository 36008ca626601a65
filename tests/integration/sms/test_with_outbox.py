"""The outbox and Twilio's library together: whatever Twilio does, an owner is told once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.notifications import channels
from shared.notifications.channels.sms.callbacks import delivery
from shared.notifications.channels.sms.sender import Twilio as Channel
from shared.notifications.kinds import SMS
from shared.notifications.model import NotificationStatus
from shared.notifications.sending import LOOK_UPS
from tests.integration.notifications.texting import message, phone
from tests.integration.sms.conftest import UNTIL, Post
from tests.vendors.twilio import Answer, throttled

MINUTE = timedelta(minutes=1)
Status = NotificationStatus


def test_a_message_is_sent_once_and_dies_at_twilio_when_it_is_useless(post: Post) -> None:
    first, again = post.send(), post.send()
    assert (first.status, again.id) == (Status.SENT, first.id)
    (made,) = post.vendor.sent
    assert (made.to, made.sid, made.body) == (phone(1), first.provider_id, first.text)
    assert made.validity == 36_000
    assert post.later(timedelta(days=1)) == []


def test_a_pause_that_twilio_asks_for_is_kept(post: Post) -> None:
    post.vendor.say(throttled(300))
    assert post.send().status is Status.FAILED
    assert post.later(4 * MINUTE) == [] and post.vendor.sent == []
    post.later(timedelta(minutes=1, seconds=1))
    assert len(post.vendor.sent) == 1


LOST = [
    Answer(sends=True, reset=True),
    Answer(sends=True, silent=True),
    Answer(sends=True, cut=True),
    Answer(status=500, code=20500, sends=True),
]


@pytest.mark.parametrize("lost", LOST)
def test_a_message_whose_answer_was_lost_is_found_and_not_sent_again(
    post: Post, lost: Answer
) -> None:
    post.vendor.say(lost)
    entry = post.send()
    assert entry.status is Status.UNSETTLED
    (settled,) = post.later(LOOK_UPS[0])
    assert (settled.status, settled.provider_id) == (Status.SENT, post.vendor.sent[0].sid)
    post.later(timedelta(days=1))
    assert len(post.vendor.asked) == 1


def test_one_that_was_never_made_ends_as_unknown_for_a_person(post: Post) -> None:
    post.vendor.say(Answer(status=500, reset=True))
    post.send()
    for pause in LOOK_UPS:
        found = post.later(pause)
    assert [one.status for one in found] == [Status.UNKNOWN]
    post.later(timedelta(days=1))
    assert (len(post.vendor.asked), post.vendor.sent) == (1, [])


def test_a_callback_settles_it_before_anybody_asks(post: Post) -> None:
    post.vendor.say(Answer(sends=True, reset=True))
    entry = post.send()
    (made,) = post.vendor.sent
    news = delivery(entry.id, {"MessageSid": made.sid, "MessageStatus": "delivered"})
    assert news is not None
    done = post.service().record_delivery(news)
    assert (done.status, done.provider_id) == (Status.DELIVERED, made.sid)
    assert post.later(LOOK_UPS[0]) == []


def test_a_bad_number_stops_nobody_else(post: Post) -> None:
    for number, code in ((1, 21211), (2, 21614), (3, 21610), (4, 21635)):
        post.vendor.numbers[phone(number)] = code
    done = post.service().send([message(number, UNTIL) for number in range(1, 7)])
    assert [one.status for one in done] == [*[Status.FAILED] * 4, *[Status.SENT] * 2]
    assert [one.next_at for one in done] == [None] * 6, "none of them is tried again"
    assert {one.error.split(":")[1][:28] for one in done if one.error} == {
        f" answered 400, error {code}" for code in (21211, 21614, 21610, 21635)
    }


def test_a_wrong_token_keeps_all_messages_until_it_is_right(post: Post) -> None:
    wrong = post.service(token="wrong-hush")
    done = wrong.send([message(number, UNTIL) for number in range(1, 6)])
    assert post.vendor.asked == []
    assert {one.status for one in done} <= {Status.QUEUED, Status.FAILED}
    assert all(one.next_at is not None for one in done)
    for _ in range(8):
        post.later(10 * MINUTE)
    assert sorted(one.to for one in post.vendor.sent) == [phone(number) for number in range(1, 6)]


def test_while_twilio_is_away_messages_wait_and_each_goes_once(post: Post) -> None:
    post.vendor.always = throttled()
    done = post.service().send([message(number, UNTIL) for number in range(1, 11)])
    assert all(one.next_at is not None for one in done)
    for _ in range(6):
        post.later(10 * MINUTE)
    away = len(post.vendor.asked)
    assert post.vendor.sent == [] and away < 20, "the circuit is open"
    post.vendor.always = None
    for _ in range(10):
        post.later(10 * MINUTE)
    assert sorted(one.to for one in post.vendor.sent) == [phone(n) for n in range(1, 11)]


def test_the_channel_is_one_that_can_be_asked(post: Post) -> None:
    made = channels.senders(post.office.settings(TWILIO_URL=post.vendor.url).channels)[SMS]
    assert isinstance(made, Channel)
