"""Killed (kill -9) between any two steps, a message to an owner is lost never, and sent twice
never."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.notifications.model import NotificationStatus as Status
from shared.settings import SmsSettings
from tests.forked import Commands
from tests.integration.notifications.conftest import START, Office
from tests.integration.notifications.texting import (
    FREE,
    Clinic,
    Provider,
    message,
    phone,
    provider,
    texting,
)

WRITES = 6
"""Both are stored; counted; each is taken, and noted as sent."""
LATER = (0, 5, 10, 11, 13, 23, 53, 90)
"""Minutes after which somebody flushes."""


@pytest.fixture
def served() -> Iterator[Provider]:
    with provider() as running:
        yield running


Kill = Callable[..., int]


@pytest.fixture
def killed(commands: Commands, office: Office, served: Provider) -> Kill:
    """Sends two messages in a process that is killed before that write; its exit code."""

    def call(before: int, cap: int = 100) -> int:
        words = (office.connection_string, office.prefix, served.url, str(cap), str(before))
        office.outbox().facts()  # the table is there
        done = commands.start(words, {}, "tests.integration.notifications.dying").wait()
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done.returncode

    return call


def goes_on(office: Office, served: Provider, sms: SmsSettings = FREE, owners: int = 2) -> None:
    """Others ask for the same, and flush, as time passes."""
    messages = [message(n, START + timedelta(days=1)) for n in range(owners)]
    for minutes in LATER:
        now = START + timedelta(minutes=minutes)
        office.clock.set(now)
        one = texting(office, served, Clinic(), sms=sms)
        one.send(messages)
        one.flush(now)


@pytest.mark.parametrize("before", range(WRITES + 1))
def test_each_is_sent_once(office: Office, served: Provider, killed: Kill, before: int) -> None:
    code = killed(before)
    assert code == (-signal.SIGKILL if before < WRITES else 0)
    goes_on(office, served)
    assert served.counted() == {phone(0): 1, phone(1): 1}
    assert [one.status for one in office.all()] == [Status.SENT] * 2


@pytest.mark.parametrize("before", [3, 5])
def test_if_the_provider_cannot_say_a_person_is_asked(
    office: Office,
    served: Provider,
    killed: Kill,
    before: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Killed after the provider had accepted one, before that was noted."""
    served.lists = False
    killed(before)
    goes_on(office, served)
    assert served.counted() == {phone(0): 1, phone(1): 1}
    assert sorted(one.status.value for one in office.all()) == ["sent", "unknown"]
    assert "notification_unknown" in caplog.text


@pytest.mark.parametrize("before", [2, 3, 5])
def test_a_cap_is_not_exceeded_though_one_who_counted_was_killed(
    office: Office, served: Provider, killed: Kill, before: int
) -> None:
    """Killed after it had counted two: before the first send, after it, after the second."""
    killed(before, cap=3)
    goes_on(office, served, replace(FREE, daily_limit=3), owners=9)
    assert served.twice() == [] and 1 <= len(served.accepted) <= 3
