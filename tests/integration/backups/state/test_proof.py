"""A dump of the state is proved in scratch tables, of which none is left."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from shared.errors import Damaged
from tests import sdk
from tests.context import job_of
from tests.integration.backups.state.setup import dumped, scratch_tables, source
from tests.integration.engine.conftest import Engine


def test_what_is_damaged_is_not_proved(engine: Engine, tmp_path: Path) -> None:
    engine.add()
    content, _ = dumped(engine, tmp_path)
    other = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE x (y)")
    lacks = tmp_path / "lacks.sqlite"
    lacks.write_bytes(content)
    with closing(sqlite3.connect(lacks)) as connection:
        connection.execute("DELETE FROM entities WHERE row = 'shards'")
        connection.commit()
    cut = content[: len(content) // 2]
    for wrong in (b"nonsense" * 900, cut, other.read_bytes(), lacks.read_bytes()):
        with pytest.raises(Damaged):
            source(engine, tmp_path).prove(iter([wrong]), job_of())
    assert scratch_tables(engine) == []


def test_old_scratch_tables_are_dropped(engine: Engine, tmp_path: Path) -> None:
    content, _ = dumped(engine, tmp_path)
    own, now = engine.app.settings.prefix, engine.clock.now()
    old, new = (now - timedelta(hours=hours) for hours in (25, 23))
    names = [f"{own}scratch{at:%Y%m%dt%H%M%S}0123abcdschedules" for at in (old, new)]
    names.append(f"{own}scratchpad")
    for name in names:
        sdk.tables(engine.app).create_table(name)
    source(engine, tmp_path).prove(iter([content]), job_of(clock=engine.clock))
    assert sorted(scratch_tables(engine)) == sorted(names[1:])
