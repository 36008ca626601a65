"""Who is told to stop waits for no table that swallows everything."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from local.azurite import Azurite
from shared.backups.state.source import StateSource
from shared.errors import Cancelled
from shared.settings import Secret, StorageAccount
from shared.storage import cancellation, failures
from shared.storage.connect import Connection
from tests.context import job_of
from tests.faults import FaultProxy, Reset
from tests.faults.request import Request
from tests.integration.backups.state.setup import dumped, scratch_tables
from tests.integration.engine.conftest import Engine


class _Stopped(threading.Event):
    """Set by the first request that matches."""

    def __init__(self, **match: str) -> None:
        super().__init__()
        self._match = match

    def __call__(self, request: Request) -> bool:
        if all(getattr(request, name) == value for name, value in self._match.items()):
            self.set()
        return self.is_set()


@pytest.mark.parametrize(
    ("match", "then"),
    [
        ({"operation": "Tables", "method": "POST"}, ["DELETE"]),
        ({"operation": "$batch"}, ["DELETE"]),
        ({"operation": "query"}, ["DELETE"]),
    ],
    ids=["create", "write", "compare"],
)
def test_a_proof_that_is_told_to_stop_waits_for_no_table_that_swallows_everything(
    engine: Engine,
    azurite: Azurite,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    match: dict[str, str],
    then: list[str],
) -> None:
    """To remove what it made is tried once; the proof of another day does it then."""
    for options in (failures.TIMEOUTS, cancellation.HASTE):
        monkeypatch.setitem(options, "read_timeout", 0.5)
    engine.add()
    content, _ = dumped(engine, tmp_path)
    stop = _Stopped(**match)
    settings = engine.app.settings
    with FaultProxy(azurite.connection_string) as proxy:
        account = StorageAccount(connection_string=Secret(proxy.connection_string))
        one = StateSource(Connection(account), settings.prefix, 2, temp=tmp_path)
        hole = proxy.hold(times=None, service="table", where=stop)
        with pytest.raises(Cancelled):
            one.prove(iter([content]), job_of(clock=engine.clock, stop=stop))
        assert [request.method for request in hole.requests[1:]] == then
        hole.release(then=Reset())
    assert len(scratch_tables(engine)) == (match["operation"] != "Tables")


@pytest.mark.parametrize("operation", ["Tables", "query"])
def test_a_dump_that_is_told_to_stop_waits_for_no_table_that_swallows_everything(
    engine: Engine,
    azurite: Azurite,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
) -> None:
    monkeypatch.setitem(failures.TIMEOUTS, "read_timeout", 0.5)
    engine.add()
    stop = _Stopped(operation=operation)
    with FaultProxy(azurite.connection_string) as proxy:
        account = StorageAccount(connection_string=Secret(proxy.connection_string))
        one = StateSource(Connection(account), engine.app.settings.prefix, 2, temp=tmp_path)
        hole = proxy.hold(times=None, service="table", where=stop)
        with pytest.raises(Cancelled), one.dump(job_of(clock=engine.clock, stop=stop)):
            raise AssertionError("it was dumped")
        assert len(hole.requests) == 1
        hole.release(then=Reset())
