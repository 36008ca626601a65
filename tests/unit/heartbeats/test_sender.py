"""Signals go in their order, a few times at most, and never hold up whoever sends them."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import cast
from urllib.parse import urlsplit

import pytest

from shared.errors import Unavailable
from shared.heartbeats import sender as sending
from shared.heartbeats.sender import QUIET, Failed, Sender
from shared.heartbeats.signal import Kind, Signal
from shared.outgoing import Post
from shared.settings import Secret
from tests.clocks import HastyClock

URL = Secret("https://hc-ping.com/0f5e")
SECOND = timedelta(seconds=1)


class Service:
    """Takes the place of the network."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.broken = 0
        """How many requests fail."""
        self.open = threading.Event()
        self.open.set()

    def __call__(self, url: str, body: bytes, _query: str) -> None:
        self.asked.append(f"{urlsplit(url).path} {body.decode()}")
        self.open.wait(20)
        if self.broken:
            self.broken -= 1
            raise Unavailable("hc-ping.com", "answered 503")


@pytest.fixture
def service() -> Service:
    return Service()


def sender(clock: HastyClock, service: Service, failed: Failed) -> Sender:
    return Sender(clock, cast("Post", service), failed)


def signal(kind: Kind = Kind.SUCCESS, text: str = "") -> Signal:
    return Signal(url=URL, kind=kind, text=text, schedule_id="n")


def test_one_that_fails_is_tried_three_times_and_then_its_url_rests(service: Service) -> None:
    clock = HastyClock()
    failed: list[tuple[Signal, datetime, str]] = []
    one = sender(clock, service, lambda *said: failed.append(said))
    service.broken = 2
    one.send(signal())
    assert one.flush(10 * SECOND) and failed == [] and len(service.asked) == 3
    service.broken = 3
    one.send(signal())
    assert one.flush(10 * SECOND) and len(service.asked) == 6
    assert [error for _, _, error in failed] == ["hc-ping.com: answered 503"]
    one.send(signal())
    assert one.flush(10 * SECOND) and len(service.asked) == 6, "it rests"
    clock.advance(QUIET)
    one.send(signal())
    assert one.flush(10 * SECOND) and len(service.asked) == 7 and len(failed) == 1


def test_a_service_that_hangs_holds_up_nobody_and_the_order_stays(service: Service) -> None:
    one = sender(HastyClock(), service, lambda *_: None)
    service.open.clear()
    for number in range(3):
        one.send(signal(Kind.START, str(number)))
    assert not one.flush(timedelta())
    service.open.set()
    assert one.flush(20 * SECOND)
    assert service.asked == [f"/0f5e/start {number}" for number in range(3)]


def test_of_too_many_the_oldest_are_dropped(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_MOST", 2)
    one = sender(HastyClock(), service, lambda *_: None)
    service.open.clear()
    one.send(signal(text="first"))
    while not service.asked:
        service.open.wait(0.01)
    for number in range(5):
        one.send(signal(text=str(number)))
    service.open.set()
    assert one.flush(20 * SECOND)
    assert service.asked == ["/0f5e first", "/0f5e 3", "/0f5e 4"]


def test_a_long_text_is_sent_from_its_end() -> None:
    long = signal(Kind.FAIL, "é" * 20_000 + "the error")
    assert len(long.body) <= 10_000 and long.body.endswith(b"the error")
    long.body.decode()
