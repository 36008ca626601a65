"""Whatever happens to a message to an owner, in whatever order, it is not sent twice, and what its
provider said is not lost.

The machine has several senders that may die, be slow or hold what has changed since, and a provider
that accepts without answering, calls back late, repeatedly and in any order, and may be asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.errors import BelfryError, Misconfigured, Refused, Unavailable
from shared.notifications import states
from shared.notifications.content import Receipt
from shared.notifications.delivery import Delivery, DeliveryState
from shared.notifications.model import Entry, Later, Uncertain, draft
from shared.notifications.model import NotificationStatus as Status
from shared.notifications.outbox import HELD, new_entry
from shared.notifications.rules.price import Price
from shared.notifications.sending import LOOK_UPS, next_attempt, next_look_up

NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)
FINAL = (Status.DELIVERED, Status.UNDELIVERED)
PRICE = Price(7900, "USD")
NOT_ACCEPTED: tuple[BelfryError, ...] = (
    Unavailable("sms", "does not listen"),
    Later("sms", "slow down", timedelta(minutes=7)),
    Refused("sms", "no such number"),
    Misconfigured("the password is wrong"),
)


def fresh() -> Entry:
    """A message to an owner that was just stored."""
    asked = draft(key="1:2:k:o", channel="sms", recipient="owner:2", subject="", text="")
    asked = replace(asked, tenant_id=1, owner_id=2, useful_until=NOW + timedelta(days=3))
    return new_entry(asked, NOW, None)


def hold(entry: Entry, now: datetime) -> Entry | None:
    return states.held(entry, now + timedelta(minutes=5), "quiet hours")


def skip(entry: Entry, now: datetime) -> Entry | None:
    return states.skipped(entry, f"too late at {now}")


def keep(entry: Entry, now: datetime) -> Entry | None:
    return states.kept(entry, f"off at {now}")


@dataclass
class Attempt:
    """An attempt that a sender has begun."""

    taken: Entry
    accepted: bool | None = None
    """Whether the provider accepted it; None: it was not asked yet."""


class OneMessage(RuleBasedStateMachine):
    """The life of one message."""

    @initialize()
    def begin(self) -> None:
        self.stored = fresh()
        self.now = NOW
        self.attempts: list[Attempt] = []
        self.seen: list[Entry] = [self.stored]
        self.accepted = 0
        self.reached: list[Status] = []
        self.codes: list[str] = []

    def update(self, step: Callable[[Entry], Entry | None]) -> None:
        """As the outbox does it: the step sees what is stored."""
        if (after := step(self.stored)) is not None:
            self.stored = replace(after, etag=str(int(after.etag or 0) + 1))
            self.seen.append(self.stored)
            if self.stored.status in FINAL:
                self.reached.append(self.stored.status)

    @rule(minutes=st.sampled_from([1, 2, 9, 11, 31, 300]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(back=st.integers(0, 3))
    def somebody_takes_it(self, back: int) -> None:
        """Perhaps by what was read a while ago; the ETag tells."""
        read = self.seen[-1 - min(back, len(self.seen) - 1)]
        if not states.may_claim(read, self.now) or read.etag != self.stored.etag:
            return
        holder = f"h{len(self.attempts)}"
        worded = partial(replace, segments=1, text="words", address="+14155550123")
        self.update(lambda it: states.claimed(worded(it), holder, self.now + HELD))
        self.attempts.append(Attempt(self.stored))

    @precondition(lambda self: any(one.accepted is None for one in self.attempts))
    @rule(accepts=st.booleans(), data=st.data())
    def the_provider_gets_it(self, accepts: bool, data: st.DataObject) -> None:
        waiting = [one for one in self.attempts if one.accepted is None]
        one = data.draw(st.sampled_from(waiting))
        one.accepted = accepts
        self.accepted += accepts

    @precondition(lambda self: any(one.accepted is not None for one in self.attempts))
    @rule(
        answers=st.booleans(), dies=st.booleans(), data=st.data(), how=st.sampled_from(NOT_ACCEPTED)
    )
    def the_sender_records_it(
        self, answers: bool, dies: bool, data: st.DataObject, how: BelfryError
    ) -> None:
        """Or dies, or got no answer."""
        asked = [one for one in self.attempts if one.accepted is not None]
        one = data.draw(st.sampled_from(asked))
        self.attempts.remove(one)
        if dies:
            return
        if not answers:
            error = str(Uncertain("sms", "no answer"))
            at = self.now + LOOK_UPS[0]
            self.update(partial(states.unsettled, error=error, look_up_at=at))
        elif one.accepted:
            receipt = Receipt(provider_id="SM1", segments=1)
            self.update(partial(states.sent, receipt=receipt, now=self.now, price=PRICE))
        else:
            again = next_attempt(how, one.taken, self.now)
            holder = one.taken.holder
            self.update(partial(states.failed, holder=holder, error=str(how), again=again))

    @rule()
    def a_flush_settles_it(self) -> None:
        """Its claim has expired: nobody knows."""
        entry = self.stored
        if entry.status is Status.SENDING and entry.next_at and entry.next_at <= self.now:
            self.update(partial(states.unsettled, error="died", look_up_at=self.now))

    @rule(finds=st.booleans(), answers=st.booleans())
    def the_provider_is_asked(self, finds: bool, answers: bool) -> None:
        entry = self.stored
        if entry.status is not Status.UNSETTLED or not entry.next_at or entry.next_at > self.now:
            return
        if answers and finds and self.accepted:
            receipt = Receipt(provider_id="SM1")
            self.update(partial(states.sent, receipt=receipt, now=self.now, price=PRICE))
            return
        again = next_look_up(entry.lookups + 1, self.now, answered=answers)
        self.update(partial(states.looked_up, again=again, said="it knows nothing"))

    @precondition(lambda self: self.accepted)
    @rule(
        state=st.sampled_from(DeliveryState),
        code=st.sampled_from([None, "30003", "30007"]),
        cost=st.sampled_from([None, 8300]),
    )
    def the_provider_calls_back(
        self, state: DeliveryState, code: str | None, cost: int | None
    ) -> None:
        news = Delivery(
            id=self.stored.id,
            provider_id="SM1",
            state=state,
            error_code=code,
            segments=2,
            cost_micros=cost,
            cost_currency="USD" if cost else "",
        )
        self.update(partial(states.delivered, news=news, now=self.now, price=PRICE))
        assert self.stored.status in (Status.SENT, *FINAL)
        before = self.stored
        self.update(partial(states.delivered, news=news, now=self.now, price=PRICE))
        assert self.stored == before, "a repetition changes nothing"
        self.codes += [code] if code else []

    @rule(step=st.sampled_from([hold, hold, hold, skip, keep]))
    def the_rules_speak(self, step: Callable[[Entry, datetime], Entry | None]) -> None:
        """By what a flush reads, if it is to be sent still."""
        if states.waits(self.stored):
            self.update(lambda it: step(it, self.now))

    @invariant()
    def it_is_accepted_once_at_most(self) -> None:
        assert self.accepted <= 1

    @invariant()
    def what_is_final_stays(self) -> None:
        assert len(set(self.reached)) <= 1
        assert not self.reached or self.stored.status is self.reached[0]

    @invariant()
    def an_error_code_is_not_erased_and_what_it_cost_is_known(self) -> None:
        assert not self.codes or self.stored.error_code == self.codes[-1]
        if self.stored.status in (Status.SENT, *FINAL):
            assert self.stored.cost_micros and self.stored.next_at is None

    @invariant()
    def it_is_never_forgotten(self) -> None:
        """Unless all is over, it is due at some time."""
        over = (*FINAL, Status.SENT, Status.UNKNOWN, Status.SKIPPED, Status.KEPT, Status.FAILED)
        assert self.stored.next_at is not None or self.stored.status in over


OneMessage.TestCase.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
TestOneMessage = OneMessage.TestCase


def test_what_was_skipped_or_kept_is_not_sent_and_cannot_be_taken() -> None:
    for step in (
        partial(states.skipped, reason="no"),
        partial(states.kept, reason="off"),
    ):
        over = step(fresh())
        assert over is not None and not states.may_claim(over, NOW + timedelta(days=9))
        assert states.held(over, NOW, "later") is None and states.skipped(over, "again") is None


@pytest.mark.parametrize("to_owner", [True, False])
def test_a_sender_that_died_is_followed_only_for_administrators(to_owner: bool) -> None:
    entry = fresh() if to_owner else replace(fresh(), owner_id=None)
    taken = states.claimed(entry, "h", NOW + HELD)
    assert not states.may_claim(taken, NOW)
    assert states.may_claim(taken, NOW + HELD) is not to_owner


def test_a_callback_may_come_before_our_own_record() -> None:
    taken = states.claimed(fresh(), "h", NOW + HELD)
    news = Delivery(id=taken.id, provider_id="SM1", state=DeliveryState.DELIVERED)
    arrived = states.delivered(taken, news, NOW)
    assert arrived is not None and arrived.status is Status.DELIVERED
    recorded = states.sent(arrived, Receipt(provider_id="SM1", segments=1), NOW, PRICE)
    assert recorded is not None
    assert (recorded.status, recorded.cost_micros) == (Status.DELIVERED, 7900)


def test_an_estimate_gives_way_to_the_providers_price_and_never_the_other_way() -> None:
    taken = states.claimed(fresh(), "h", NOW + HELD)
    sent = states.sent(taken, Receipt(segments=2), NOW, PRICE)
    assert sent is not None and (sent.cost_micros, sent.cost_estimated) == (15_800, True)
    news = partial(Delivery, id=sent.id, provider_id="SM1", state=DeliveryState.SENT)
    priced = states.delivered(sent, news(cost_micros=8300, cost_currency="EUR"), NOW, PRICE)
    assert priced is not None
    assert (priced.cost_micros, priced.cost_currency, priced.cost_estimated) == (8300, "EUR", False)
    assert states.delivered(priced, news(), NOW, PRICE) is None
