"""A restore of the state that was killed is made again."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.azurite import Azurite
from shared.backups.state import write as state_write
from shared.errors import Unavailable
from tests.integration.backups.state.setup import (
    busy,
    catch_up,
    due,
    dumped,
    fresh,
    reconciled,
    restored,
    rows,
)
from tests.integration.engine.conftest import Engine
from tests.jobs import jobs_of


def test_a_restore_that_was_killed_at_any_step_is_made_again(
    engine: Engine, azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy(engine)
    content, _ = dumped(engine, tmp_path)
    before = rows(engine)
    other = fresh(engine, azurite)
    transact = state_write.transact
    for left in itertools.count():
        steps = iter(range(left))

        def killed(*args: Any, steps: Iterator[int] = steps) -> bool:
            if next(steps, None) is None:
                raise Unavailable("table storage", "killed")
            return transact(*args)

        with monkeypatch.context() as patched:
            patched.setattr(state_write, "transact", killed)
            try:
                restored(other, tmp_path, content)
                break
            except Unavailable:
                assert ("meta", "restoring") in rows(other)
    assert left > 4
    assert rows(other) == before and due(other) == due(engine)


def test_a_restore_that_was_killed_while_the_engine_ran_on(
    engine: Engine, azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = busy(engine)
    content, _ = dumped(engine, tmp_path)
    done = {job.id for job in jobs_of(engine.app) if job.finished_at is not None}
    other = fresh(engine, azurite)
    with monkeypatch.context() as patched:
        patched.setattr(state_write.Writer, "_new", _once(state_write.Writer._new))
        with pytest.raises(Unavailable):
            restored(other, tmp_path, content)
    engine.later(60)
    other.app.create()
    catch_up(other)
    restored(other, tmp_path, content)
    engine.later(60)
    catch_up(other)
    assert other.calls.started and not done & set(other.calls.started)
    assert len(other.calls.started) == len(set(other.calls.started))
    assert {one.id for one in other.app.table.schedules()} >= {one.id for one in made.values()}
    reconciled(other)


def _once(real: Callable[..., None]) -> Callable[..., None]:
    calls = itertools.count()

    def first(*args: Any) -> None:
        if next(calls):
            raise Unavailable("table storage", "killed")
        real(*args)

    return first
