"""What every source promises, whatever kind of database it is of."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.backups.engines import engine_of, engines
from shared.backups.model import differences
from shared.backups.source import Source, Target
from shared.backups.sqlite.names import SQLITES_OWN
from shared.clock import Clock, SystemClock
from shared.errors import Cancelled, Conflict, Damaged
from shared.tasks import JobContext
from tests import sdk
from tests.context import job_of
from tests.integration.backups.postgres.setup import databases_like, dumped, pieces
from tests.integration.backups.state import setup as state
from tests.integration.engine.conftest import make, tap


@dataclass(frozen=True)
class Run:
    """A source, and what is around it."""

    source: Source
    live: str
    """The source's own database, as a restore's target: it is not empty."""
    other: str
    """A target that is not there."""
    around: Callable[[], list[str]]
    """The names of all databases, scratch ones too, and of the files in the scratch folder."""
    clock: Clock

    def job(self, stop: threading.Event | None = None) -> JobContext:
        return job_of(clock=self.clock, stop=stop)


def _sqlite(request: pytest.FixtureRequest, folder: Path) -> Run:
    def around() -> list[str]:
        return [one for one in _files(folder) if not one.endswith(SQLITES_OWN)]

    source = request.getfixturevalue("database")
    return Run(source, "company.db", "other.db", around, SystemClock())


def _postgresql(request: pytest.FixtureRequest, folder: Path) -> Run:
    source, server = (request.getfixturevalue(one) for one in ("postgres_source", "postgres"))

    def around() -> list[str]:
        return databases_like(server, "") + _files(folder)

    return Run(source, "shop", "not_there", around, SystemClock())


def _belfry(request: pytest.FixtureRequest, folder: Path) -> Run:
    engine = make(request.getfixturevalue("azurite"), state.prefix())
    tap(engine)
    state.busy(engine)
    prefix = engine.app.settings.prefix

    def around() -> list[str]:
        return sorted(one.name for one in sdk.tables(engine.app).list_tables()) + _files(folder)

    source = state.source(engine, folder)
    return Run(source, prefix, state.prefix(), around, engine.clock)


def _files(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


RUNS = {"sqlite": _sqlite, "postgresql": _postgresql, "belfry": _belfry}


@pytest.fixture(params=RUNS)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    return RUNS[request.param](request, tmp_path)


def test_every_engine_is_among_them() -> None:
    assert set(RUNS) == set(engines())


def test_what_was_dumped_is_proved_and_nothing_left(run: Run) -> None:
    assert engine_of(run.source.engine).target_problem(run.other) is None
    before = run.around()
    data, dump = dumped(run.source, run.job())
    assert dump.contents.tables
    assert differences(dump.contents, run.source.prove(pieces(data), run.job())) == ""
    assert run.around() == before


def test_a_damaged_dump_is_neither_proved_nor_restored(run: Run) -> None:
    data, _ = dumped(run.source, run.job())
    before = run.around()
    for wrong in (data[: len(data) // 2], b"nonsense" * 1000):
        with pytest.raises(Damaged):
            run.source.prove(pieces(wrong), run.job())
        with pytest.raises(Damaged):
            run.source.restore(pieces(wrong), Target(name=run.other), run.job())
    assert run.around() == before


@pytest.mark.parametrize("replace", [None, "", "other"])
def test_a_target_that_is_not_empty_stays_unless_its_name_is_said_twice(
    run: Run, replace: str | None
) -> None:
    data, dump = dumped(run.source, run.job())
    before = run.around()
    with pytest.raises(Conflict, match=r"not empty.*`replace`"):
        run.source.restore(pieces(data), Target(name=run.live, replace=replace), run.job())
    assert run.around() == before
    assert differences(dump.contents, dumped(run.source, run.job())[1].contents) == ""


def test_a_dump_that_is_told_to_stop_leaves_nothing(run: Run) -> None:
    stop = threading.Event()
    stop.set()
    before = run.around()
    with pytest.raises(Cancelled):
        dumped(run.source, run.job(stop))
    assert run.around() == before


def test_a_proof_or_a_restore_that_is_told_to_stop_leaves_nothing(run: Run) -> None:
    data, dump = dumped(run.source, run.job())
    before = run.around()
    for target in (None, Target(name=run.other), Target(name=run.live, replace=run.live)):
        stop = threading.Event()
        chunks = _stopping(data, stop)
        with pytest.raises(Cancelled):
            if target is None:
                run.source.prove(chunks, run.job(stop))
            else:
                run.source.restore(chunks, target, run.job(stop))
        assert run.around() == before
    assert differences(dump.contents, dumped(run.source, run.job())[1].contents) == ""


def _stopping(data: bytes, stop: threading.Event) -> Iterator[bytes]:
    """A dump, and the job is told to stop when half of it was read."""
    half = len(data) // 2
    yield from pieces(data[:half])
    stop.set()
    yield from pieces(data[half:])
