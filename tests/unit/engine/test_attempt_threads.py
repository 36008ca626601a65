"""Work in a thread that nobody waits for any more, as when the host goes down."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from shared.engine.work.threads import Threads


class _Late(Threads):
    """Threads that begin when they are told."""

    def run(self, work: Callable[[], object]) -> bool:
        self.begin = work
        return True


def test_what_runs_while_its_caller_is_cancelled_comes_to_its_own_end() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work() -> int:
        begun.set()
        go_on.wait(10)
        return 7

    future = Threads("tested").call(work)

    async def cancelled() -> None:
        waiting = asyncio.ensure_future(asyncio.wrap_future(future))
        await asyncio.to_thread(begun.wait, 10)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(cancelled())
    assert not future.cancelled()
    go_on.set()
    assert future.result(10) == 7


def test_what_is_cancelled_before_it_began_is_not_done() -> None:
    hands, did = _Late("tested"), threading.Event()
    future = hands.call(did.set)
    assert future.cancel()
    hands.begin()
    assert future.cancelled() and not did.is_set()


def test_a_thread_without_work_ends_and_the_next_work_gets_another() -> None:
    hands = Threads("idle", idle_seconds=0.01)
    for _ in range(3):
        assert hands.call(threading.current_thread).result(10).name == "idle"
        for thread in _named("idle"):
            thread.join(10)
        assert not _named("idle")


def _named(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]
