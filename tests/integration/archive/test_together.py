"""Days are read together: the cost of a backlog, and that it is moved as day by day."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from local.azurite import Azurite
from shared.archive import gathering
from shared.archive.leaving import Leaving
from shared.storage.tables.entities import job_key
from tests import sdk
from tests.integration.archive.past import DAY, HOUR, Past, lines, made, run
from tests.integration.engine.conftest import START


def backlog(azurite: Azurite, days: int) -> tuple[Past, list[datetime]]:
    """One shard with a schedule's jobs of so many days that go, and when they were due."""
    past = made(azurite, SCHEDULE_SHARDS="1")
    due = [START + 6 * HOUR * number for number in range(1, 4 * days)]
    one = past.schedule()
    past.end(*(run(one, at) for at in due))
    past.counted(one, due[-1])
    past.engine.clock.set(due[-1] + 40 * DAY)
    return past, due


def test_a_backlog_is_read_once_however_many_days_it_has(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = 0
    real = Leaving._jobs

    def counted(self: Leaving, *args: Any, **options: Any) -> Any:
        nonlocal passes
        passes += 1
        return real(self, *args, **options)

    monkeypatch.setattr(Leaving, "_jobs", counted)
    for days in (2, 9):
        past, _ = backlog(azurite, days)
        passes = 0
        assert past.archive()["days"] == days + 1  # START is at noon
        assert passes == 2, "to find what is old, and to read it"


@pytest.mark.parametrize("most", [0, 4_000, 1_000_000])
def test_it_is_moved_alike_however_many_days_find_room(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(gathering, "MOST_BYTES", most)
    past, due = backlog(azurite, 5)
    found = past.archive()
    assert (found["archived"], found["removed"], found["held"]) == (18, 18, 1)
    assert found["complete"] and found["days"] == 6
    filed = lines(past)
    assert len(filed) == 18 and set(filed) | past.rows() == set(past.ids)
    assert len(past.rows()) == 1 and len(due) == 19
    assert [part.place.number for part in past.parts()] == [1] * 6
    assert all(one.good for one in past.app.archive().findings(lambda: None))


def test_one_that_changes_after_it_was_read_stays(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ETag is of when it was read: with others, long before it is removed."""
    past, _ = backlog(azurite, 3)
    changed = past.ids[5]
    real = gathering.Gathered.read

    def read(self: gathering.Gathered, *args: Any) -> None:
        real(self, *args)
        table = sdk.table(past.app)
        row = table.get_entity(past.app.table.shards[0], job_key(changed))
        table.update_entity({**row, "log": "other words"})

    monkeypatch.setattr(gathering.Gathered, "read", read)
    past.archive()
    assert changed in past.rows()
    monkeypatch.undo()
    past.archive()
    assert changed not in past.rows()
    assert sorted(part.place.number for part in past.parts()) == [1, 1, 1, 1, 2]
    assert all(one.good for one in past.app.archive().findings(lambda: None))
