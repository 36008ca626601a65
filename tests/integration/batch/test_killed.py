"""A batch goes on where a crash ended it: killed at each of its writes, and by SIGKILL within an
item. What may be repeated is done to the end; what must not be is begun once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from local.azurite import Azurite
from shared.batch.model import BatchState, ItemStatus
from shared.errors import LeaseLost
from tests.dying import Dying, Killed
from tests.integration.batch.conftest import JOB, Desk, call, opened

_ITEMS = ["n0", "bad1", *(f"n{index}" for index in range(2, 6))]
_SIZE = 3


def dying(azurite: Azurite, desk: Desk, left: int, *, answered: bool) -> Desk:
    """The same app in a process that dies at that write."""
    transport = Dying(left, answered=answered)
    prefix = desk.engine.app.settings.prefix
    made = opened(azurite, prefix=prefix, transport=transport, prepared=True)
    made.chunk = _SIZE
    return made


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("name", ["again", "only_once"])
def test_killed_at_each_write(azurite: Azurite, desk: Desk, name: str, answered: bool) -> None:
    desk.chunk = _SIZE
    died = 0
    for write in range(200):
        job_id = f"s1-20260301T120000Z-w{write}x{int(answered)}{name[0]}"
        params = call(name, _ITEMS, concurrency=2)
        doomed = dying(azurite, desk, write, answered=answered)
        try:
            doomed.run(doomed.job(job_id=job_id), **params)
            survived = True
        except Killed:
            survived = False
        desk.calls.names.clear()
        found = desk.run(desk.job(job_id=job_id, attempt=2), **params)
        died += not survived
        _hold(desk, doomed, job_id, found, once=name == "only_once")
        if survived:
            break
    assert died > 6, "it made few writes, or was not killed at them"


def _hold(desk: Desk, doomed: Desk, job_id: str, found: dict[str, object], *, once: bool) -> None:
    standing = desk.standing(job_id)
    outcomes = list(desk.batches().progress.outcomes(standing, 0, None))
    assert [one.index for one in outcomes] == list(range(len(_ITEMS)))
    assert [one.label for one in outcomes] == _ITEMS
    assert standing.saved.state is BatchState.COMPLETED
    assert not desk.batches().store.container.names(f"7/{job_id}/open/")
    counted = Counter(one.status for one in outcomes)
    assert {status.value: counted[status] for status in ItemStatus} == {
        status.value: found[status.value] for status in ItemStatus
    }
    done = Counter(doomed.calls.names + desk.calls.names)
    if once:
        assert max(done.values()) == 1, "an item was done twice"
        unknown = {one.label for one in outcomes if one.status is ItemStatus.UNKNOWN}
        assert set(_ITEMS) - set(done) <= unknown, "an item was left out"
        assert len(unknown) <= 2 * 2
    else:
        assert counted == {ItemStatus.SUCCEEDED: 5, ItemStatus.FAILED: 1}
        assert set(done) == set(_ITEMS)


def test_an_attempt_that_was_thought_dead_can_no_longer_write(desk: Desk) -> None:
    """It goes on for a moment beside the next one: what it did counts once, or is in doubt."""
    desk.chunk = _SIZE
    batches = desk.batches()
    real, runs = batches.store.save, list[dict[str, object]]()

    def save(*given: object) -> object:
        if len(desk.calls.names) == 4 and not runs:
            runs.append({})
            runs[0] = desk.run(desk.job(attempt=2), **params)
        return real(*given)  # type: ignore[arg-type]

    params = call("only_once", _ITEMS, concurrency=1)
    batches.store.save = save  # type: ignore[method-assign, assignment]
    with pytest.raises(LeaseLost, match="another attempt"):
        desk.run(**params)
    assert runs[0]["items"] == len(_ITEMS) and desk.calls.most == 1
    assert [one.index for one in desk.outcomes()] == list(range(len(_ITEMS)))


def _process(azurite: Azurite, *words: object, prefix: str) -> int:
    environ = {
        **os.environ,
        "AzureWebJobsStorage": azurite.connection_string,
        "BELFRY_PREFIX": prefix,
        "SCHEDULE_SHARDS": "2",
    }
    command = [sys.executable, "-m", "tests.integration.batch", *map(str, words)]
    return subprocess.run(command, env=environ, check=False, timeout=90).returncode


@pytest.mark.parametrize(("name", "fatal"), [("again", 25), ("only_once", 25)])
def test_killed_within_an_item(
    azurite: Azurite, desk: Desk, tmp_path: Path, name: str, fatal: int
) -> None:
    file, count, prefix = tmp_path / "told", 50, desk.engine.app.settings.prefix
    desk.chunk = 16
    assert _process(azurite, name, count, 1, fatal, file, prefix=prefix) == -signal.SIGKILL
    assert _process(azurite, name, count, 2, 0, file, prefix=prefix) == 0
    begun = Counter(line.split()[1] for line in file.read_text().splitlines())
    outcomes = desk.outcomes()
    assert [one.index for one in outcomes] == list(range(count))
    unknown = {one.label for one in outcomes if one.status is ItemStatus.UNKNOWN}
    if name == "again":
        assert not unknown and set(begun) == {f"n{index}" for index in range(count)}
    else:
        assert max(begun.values()) == 1
        assert 1 <= len(unknown) <= 6, "those at work, and those of the write before"
        assert len(begun) >= count - 3
    assert desk.standing(JOB).saved.epoch == 2
