"""Where the state may be restored to, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.azurite import Azurite
from shared.backups.source import Target
from shared.errors import Conflict, Invalid
from shared.storage.names import Names
from tests.integration.backups.state.setup import dumped, prefix, restored, rows, table
from tests.integration.engine.conftest import Engine, make


@pytest.mark.parametrize("name", ["", "A", "1a", "a-b", "a" * 21, "a'"])
def test_a_target_that_is_no_prefix(engine: Engine, tmp_path: Path, name: str) -> None:
    content, _ = dumped(engine, tmp_path)
    if name:
        with pytest.raises(Invalid, match="target: give a prefix"):
            restored(engine, tmp_path, content, Target(name=name))


def test_another_number_of_shards_is_refused(
    engine: Engine, azurite: Azurite, tmp_path: Path
) -> None:
    engine.add()
    content, _ = dumped(engine, tmp_path)
    other = make(azurite, prefix(), environ={"SCHEDULE_SHARDS": "3"})
    with pytest.raises(Conflict, match="set SCHEDULE_SHARDS to 2"):
        restored(other, tmp_path, content, Target(replace=other.app.settings.prefix))
    table(other).delete_table()
    with pytest.raises(Conflict, match="set SCHEDULE_SHARDS to 2"):
        restored(other, tmp_path, content)
    elsewhere = prefix()
    assert restored(other, tmp_path, content, Target(name=elsewhere)).name == elsewhere
    assert rows(other, Names(elsewhere).table) == rows(engine)
