"""A line belongs to the invocation of the context that it is written in, and to no other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions._logs import following
from shared.engine.work.threads import Threads
from shared.threads import Pool
from tests.invocations import Sent, invocation

_logger = logging.getLogger("belfry.test")


@pytest.fixture
def sent() -> Iterator[Sent]:
    made = Sent(threading.local())
    _logger.addHandler(made)
    _logger.setLevel(logging.INFO)
    yield made
    _logger.removeHandler(made)
    _logger.setLevel(logging.NOTSET)


def say(line: str) -> None:
    _logger.info(line)


def test_in_the_threads_that_belfry_uses(sent: Sent) -> None:
    threads = Threads("test")
    with ThreadPoolExecutor(1) as host:  # as the worker's thread, which knows the id by itself
        for id in ("a", "b"):
            with following(invocation(sent.storage, id)):
                threads.call(lambda id=id: say(id)).result(10)  # type: ignore[misc]
                Pool(3, "test").map(say, [id] * 3)
        host.submit(say, "none").result(10)
    assert [(line, at) for line, at in sent.lines if line != at] == [("none", None)]
    assert len(sent.lines) == 9


def test_what_comes_after_it_does_not(sent: Sent) -> None:
    with following(invocation(sent.storage, "a")):
        pass
    say("later")
    assert sent.lines == [("later", None)]
