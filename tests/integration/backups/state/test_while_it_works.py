"""The state is dumped while schedules change and jobs run."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.azurite import Azurite
from shared.backups.state.read import Reader
from shared.schedules.model import Overlap
from shared.storage.queues.jobs import Message
from tests.context import job_of
from tests.integration.backups.state.setup import (
    catch_up,
    dumped,
    every,
    fresh,
    reconciled,
    restored,
)
from tests.integration.engine.conftest import Engine
from tests.jobs import jobs_of


class Meddling(threading.Event):
    """Never set, but does something at each look."""

    def __init__(self, action: Callable[[], object]) -> None:
        super().__init__()
        self._action = action

    def is_set(self) -> bool:
        self._action()
        return False


def test_what_changes_while_it_is_read_is_read_again(
    engine: Engine, azurite: Azurite, tmp_path: Path
) -> None:
    """Between any two requests of the dump a minute passes, and runs are handed out and done."""
    for _ in range(3):
        engine.add()
    looks = itertools.count()

    def minute() -> None:
        number = next(looks)
        if number > 25:
            return
        if number % 7 == 3:
            engine.add()
        if number % 7 == 5:
            one = engine.app.lists.all()[0]
            engine.app.manager.enable(one.id, not one.definition.enabled)
        engine.later(60)
        engine.tick()
        engine.work()

    content, _ = dumped(engine, tmp_path, job_of(clock=engine.clock, stop=Meddling(minute)))
    known = set(engine.calls.started)
    other = fresh(engine, azurite)
    restored(other, tmp_path, content)
    done = {job.id for job in jobs_of(other.app) if job.finished_at is not None}
    assert done and done <= known
    reconciled(other)
    catch_up(other)
    assert not done & set(other.calls.started)
    reconciled(other)


def test_a_long_run_that_ends_while_it_is_read(
    engine: Engine, azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was due long before, and its schedule's row has forgotten it by the second look."""
    made = engine.add("waits", overlap=Overlap.ALLOW_ALL)
    engine.later(60)
    working = engine.start(Message((f"{made.id}-20260301T120100Z",), engine.clock.now()))
    assert engine.calls.entered.wait(20)
    engine.later(45)
    numbers = itertools.count()

    def touched() -> None:
        said = str(next(numbers))
        engine.app.manager.change(
            made.id,
            lambda one: replace(one, definition=replace(one.definition, description=said)),
        )

    again = Reader._again
    ended: list[str] = []

    def ends(self: Reader, *args: Any) -> None:
        if not ended:
            engine.calls.hold.set()
            ended.extend(job.id for job in working.ended())
            engine.later(75)
            engine.tick()
            engine.work()
            live = engine.app.table.get(made.id)
            assert live is not None and live.progress.find(ended[0]) is None
        again(self, *args)

    monkeypatch.setattr(Reader, "_again", ends)
    content, _ = dumped(engine, tmp_path, job_of(clock=engine.clock, stop=Meddling(touched)))
    assert ended == [f"{made.id}-20260301T120100Z"]
    other = fresh(engine, azurite)
    restored(other, tmp_path, content)
    assert ended[0] in {job.id for job in other.app.table.jobs(made.id)}
    reconciled(other)


def test_under_load(engine: Engine, azurite: Azurite, tmp_path: Path) -> None:
    """Clocks tick and workers work in threads of their own while it is dumped."""
    for number in range(30):
        engine.add(recurrence=every(20 * (3 + number % 3)), overlap=Overlap.ALLOW_ALL)
    over = threading.Event()
    failures: list[BaseException] = []
    ticks = threading.Semaphore(0)

    def work() -> None:
        try:
            while not over.is_set():
                engine.later(20)
                engine.tick()
                for message in engine.messages():
                    engine.app.worker.work(message)
                ticks.release()
        except BaseException as error:
            failures.append(error)
            ticks.release()

    thread = threading.Thread(target=work)
    thread.start()
    dumps: list[bytes] = []
    try:
        for _ in range(10):
            ticks.acquire()
        for _ in range(3):
            ticks.acquire()
            dumps.append(dumped(engine, tmp_path)[0])
    finally:
        over.set()
        thread.join()
    assert failures == []
    for content in dumps:
        other = fresh(engine, azurite)
        restored(other, tmp_path, content)
        done = {job.id for job in jobs_of(other.app) if job.finished_at is not None}
        reconciled(other)
        catch_up(other)
        assert done and not done & set(other.calls.started)
        reconciled(other)
