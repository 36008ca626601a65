"""A backlog is shared by all instances, and nothing of it is done twice."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from local.azurite import Azurite
from shared.engine.dispatch import tick
from shared.schedules.job import Status
from shared.storage.names import Names
from shared.storage.queues.jobs import parse, parse_shard
from shared.storage.tables.locks import Locks
from tests import sdk
from tests.integration.engine.conftest import Engine, make

_PAGE = 4
_MANY = 6 * _PAGE


@pytest.fixture
def backlog(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Schedules that came due while nobody ticked: three pages of each of the two shards."""
    for _ in range(_MANY):
        engine.add()
    engine.messages()
    engine.later(3600)
    monkeypatch.setattr(tick, "_PAGE", _PAGE)
    return engine


def announced(engine: Engine) -> list[str]:
    queue: Any = sdk.queue(engine.app, Names(engine.app.settings.prefix).shards)
    shards = engine.app.table.shards
    return [parse_shard(message.content, shards) for message in queue.receive_messages()]


def handed_out(engine: Engine) -> Counter[str]:
    """How often each occurrence of an hour ago until now was handed out."""
    return Counter(job_id for message in engine.messages() for job_id in message.job_ids)


def test_a_tick_announces_a_backlog_and_works_it_off_as_well(backlog: Engine) -> None:
    report = backlog.app.dispatcher.tick(backlog.clock.now(), "test")
    assert sorted(announced(backlog)) == backlog.app.table.shards
    assert report.handed_out >= _MANY and report.lost == 0
    assert set(handed_out(backlog).values()) == {1}
    assert backlog.app.dispatcher.tick(backlog.clock.now(), "test").handed_out == 0
    assert announced(backlog) == []


def test_a_shard_that_another_works_off_is_left_to_it_until_its_hold_ends(
    backlog: Engine, azurite: Azurite
) -> None:
    other = make(azurite, backlog.app.settings.prefix)
    other.clock.set(backlog.clock.now())
    now = other.clock.now()
    locks = Locks(backlog.app.meta)
    assert locks.take("shard:s000", "gone", now, now + timedelta(minutes=2))
    assert other.app.dispatcher.tick_shard("s000", now).handed_out == 0
    assert other.app.dispatcher.tick_shard("s001", now).handed_out > 0
    other.clock.advance(timedelta(minutes=2, seconds=1))
    later = other.clock.now()
    assert other.app.dispatcher.tick_shard("s000", later).handed_out > 0
    assert not other.app.table.due("s000", later, 1)


def test_three_instances_tick_and_work_at_once_and_each_job_runs_once(
    backlog: Engine, azurite: Azurite
) -> None:
    instances = [make(azurite, backlog.app.settings.prefix) for _ in range(3)]
    for one in instances:
        one.clock.set(backlog.clock.now())
    queue: Any = sdk.queue(backlog.app, Names(backlog.app.settings.prefix).queue)

    def serve(one: Engine) -> None:
        one.app.dispatcher.tick(one.clock.now(), "test")
        while found := list(queue.receive_messages(max_messages=4, visibility_timeout=300)):
            for message in found:
                one.app.worker.work(parse(message.content))
                queue.delete_message(message)

    threads = [threading.Thread(target=serve, args=(one,)) for one in instances]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    started = Counter(job_id for one in instances for job_id in one.calls.started)
    assert set(started.values()) == {1}
    due = backlog.clock.now().replace(second=0)
    ran = [job for job in backlog.app.table.jobs() if job.due_at == due]
    assert len(ran) == _MANY and {job.status for job in ran} == {Status.SUCCEEDED}
