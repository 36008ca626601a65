"""A line belongs to the invocation in whose context it is written, or else to one that runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

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


def test_what_outlives_its_invocation_goes_with_one_that_runs(sent: Sent) -> None:
    """As the lines of a job that another message's batch took over; the host would drop them."""
    with ThreadPoolExecutor(1) as job, ThreadPoolExecutor(1) as background:
        with following(invocation(sent.storage, "a")):
            known = copy_context()
            job.submit(known.run, say, "1").result(10)
            with following(invocation(sent.storage, "b")):
                job.submit(known.run, say, "2").result(10)
        with following(invocation(sent.storage, "c")), following(invocation(sent.storage, "d")):
            job.submit(known.run, say, "3").result(10)
            background.submit(say, "4").result(10)
        job.submit(known.run, say, "5").result(10)
        background.submit(say, "6").result(10)
    assert sent.lines == [("1", "a"), ("2", "a"), ("3", "c"), ("4", "c"), ("5", None), ("6", None)]


def test_an_id_that_the_worker_wrote_stays(sent: Sent) -> None:
    """In the thread of a function that hands nothing over, whether it was used before or not."""

    def function(id: str) -> None:  # as `run_sync_func` of the worker
        sent.storage.invocation_id = id
        say(id)
        sent.storage.invocation_id = None

    with ThreadPoolExecutor(1) as host:
        with following(invocation(sent.storage, "a")):
            host.submit(function, "x").result(10)
            host.submit(say, "a").result(10)
            host.submit(function, "y").result(10)
        host.submit(function, "z").result(10)
    assert sent.lines == [(id, id) for id in "xayz"]
