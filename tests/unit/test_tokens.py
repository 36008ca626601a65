"""Tokens are kept, and an endpoint that is slow or away delays nobody who has a valid one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from azure.core.credentials import AccessTokenInfo

from shared.clock import ManualClock
from shared.identity.kept import OLD, PAUSE, SHORT, YOUNG, KeptTokens
from tests.clocks import HastyClock

SCOPE = "https://storage.azure.com/.default"
DAY = timedelta(days=1)


class Endpoint:
    """Gives tokens named by their number; each closed credential is counted."""

    def __init__(self, clock: ManualClock, lives: timedelta = DAY) -> None:
        self.clock = clock
        self.lives = lives
        self.half = True
        """Whether tokens say that they are old from half of their life on."""
        self.broken = False
        self.gate = threading.Event()
        self.gate.set()
        self.asked = threading.Semaphore(0)
        self.answered = threading.Semaphore(0)
        self.requests = 0
        self.closed = 0
        self._numbers = count(1)

    def __call__(self) -> Any:
        return self

    def close(self) -> None:
        self.closed += 1

    def get_token_info(self, *_: str) -> AccessTokenInfo:
        self.requests += 1
        self.asked.release()
        try:
            assert self.gate.wait(20)
            if self.broken:
                raise OSError("nobody there")
            now = self.clock.now()
            old = int((now + self.lives / 2).timestamp()) if self.half else None
            end = int((now + self.lives).timestamp())
            return AccessTokenInfo(str(next(self._numbers)), end, refresh_on=old)
        finally:
            self.answered.release()


@pytest.fixture
def clock() -> ManualClock:
    return HastyClock()


@pytest.fixture
def endpoint(clock: ManualClock) -> Endpoint:
    return Endpoint(clock)


@pytest.fixture
def kept(endpoint: Endpoint, clock: ManualClock) -> KeptTokens:
    return KeptTokens(endpoint, clock)


@pytest.fixture
def given(kept: KeptTokens) -> Callable[[], str]:
    return lambda: kept.get_token_info(SCOPE).token


def test_many_threads_at_once_ask_once(endpoint: Endpoint, given: Callable[[], str]) -> None:
    endpoint.gate.clear()
    with ThreadPoolExecutor(16) as pool:
        waiting = [pool.submit(given) for _ in range(16)]
        assert endpoint.asked.acquire(timeout=20)
        endpoint.gate.set()
        assert {one.result(20) for one in waiting} == {"1"}
    assert (given(), endpoint.requests, endpoint.closed) == ("1", 1, 1)


@pytest.mark.parametrize("half", [True, False])
def test_an_old_token_is_given_out_while_another_is_fetched(
    endpoint: Endpoint, given: Callable[[], str], clock: ManualClock, half: bool
) -> None:
    endpoint.half = half
    assert given() == "1"
    clock.advance(DAY / 2 + timedelta(seconds=1) if half else DAY - OLD + timedelta(seconds=1))
    endpoint.gate.clear()
    assert {given() for _ in range(8)} == {"1"}
    assert endpoint.asked.acquire(timeout=20) and endpoint.asked.acquire(timeout=20)
    endpoint.gate.set()
    for _ in range(2):
        assert endpoint.answered.acquire(timeout=20)
    assert endpoint.requests == 2
    clock.advance(DAY / 2 if half else OLD)  # the first is over
    assert given() == "2"


def test_an_endpoint_that_is_away_delays_nobody_until_the_token_ends(
    endpoint: Endpoint, given: Callable[[], str], clock: ManualClock
) -> None:
    assert given() == "1"
    endpoint.broken = True
    clock.advance(DAY - SHORT + timedelta(seconds=1))
    assert [given() for _ in range(8)] == ["1"] * 8
    assert endpoint.requests == 2, "it is not asked again at once"
    clock.advance(timedelta(seconds=PAUSE))
    assert (given(), endpoint.requests) == ("1", 3)
    clock.advance(SHORT)
    for _ in range(2):
        with pytest.raises(OSError, match="nobody there"):
            given()
    endpoint.broken = False
    assert given() == "2"


def test_what_a_service_rejects_is_replaced_once(
    endpoint: Endpoint, kept: KeptTokens, clock: ManualClock
) -> None:
    """Else each of many threads, whose requests were rejected together, would fetch another."""
    assert kept.get_token(SCOPE).token == "1"
    clock.advance(timedelta(seconds=YOUNG))
    for _ in range(3):
        kept.reject(SCOPE)
        assert kept.get_token(SCOPE).token == "2"
    clock.advance(timedelta(seconds=YOUNG))
    assert kept.get_token_info(SCOPE, options={"tenant_id": "as the SDK for blobs"}).token == "3"
    assert kept.get_token("https://management.azure.com/.default").token == "4"
    assert endpoint.requests == 4
