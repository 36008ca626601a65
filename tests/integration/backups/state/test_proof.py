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
from tests.integration.backups.state.setup import busy, dumped, scratch_tables, source
from tests.integration.engine.conftest import Bench


def test_the_proof(bench: Bench, tmp_path: Path) -> None:
    busy(bench)
    content, contents = dumped(bench, tmp_path)
    assert source(bench, tmp_path).prove(iter([content]), job_of(clock=bench.clock)) == contents
    assert scratch_tables(bench) == [] and not list(tmp_path.glob("belfry-*"))


def test_what_is_damaged_is_not_proved(bench: Bench, tmp_path: Path) -> None:
    bench.add()
    content, _ = dumped(bench, tmp_path)
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
            source(bench, tmp_path).prove(iter([wrong]), job_of())
    assert scratch_tables(bench) == []


def test_old_scratch_tables_are_dropped(bench: Bench, tmp_path: Path) -> None:
    content, _ = dumped(bench, tmp_path)
    own, now = bench.app.settings.prefix, bench.clock.now()
    old, new = (now - timedelta(hours=hours) for hours in (25, 23))
    names = [f"{own}scratch{at:%Y%m%dt%H%M%S}0123abcdschedules" for at in (old, new)]
    names.append(f"{own}scratchpad")
    for name in names:
        sdk.tables(bench.app).create_table(name)
    source(bench, tmp_path).prove(iter([content]), job_of(clock=bench.clock))
    assert sorted(scratch_tables(bench)) == sorted(names[1:])
