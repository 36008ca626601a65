"""A report that was written though no answer said so goes with the backup that it proves."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from shared.backups.sqlite.source import SqliteSource
from shared.errors import Cancelled
from shared.settings import Secret, StorageAccount
from shared.storage.connect import Connection
from tests.faults import FaultProxy, LoseAnswer
from tests.faults.request import Request
from tests.integration.backups.faults.world import LATER, job, whole
from tests.integration.backups.setup import PRIMARY, Shelf


def test_a_report_whose_answer_is_lost_as_the_job_is_told_to_stop_leaves_nothing(
    shelf: Shelf, small: SqliteSource, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Belfry's own clients would try again, and be told that it is there."""
    account = StorageAccount(connection_string=Secret(proxy.connection_string))
    stop = threading.Event()

    def stopped(request: Request) -> bool:
        if stop.is_set() or not request.path.endswith(".verified.json"):
            return False
        stop.set()
        return True

    lost = proxy.rules.add(LoseAnswer(), service="blob", where=stopped)
    with monkeypatch.context() as patch:

        def container(*_: Any, **__: Any) -> Any:
            return Connection(account).container(f"{shelf.word}{PRIMARY}")

        patch.setattr(shelf, "container", container)
        with pytest.raises(Cancelled):
            shelf.take(small, replace(job(), stop=stop))
    assert lost.fired == 1
    assert shelf.everything() == []
    shelf.take(small, job(attempt=2, by=LATER))
    assert shelf.states() == [{PRIMARY: "verified"}]
    whole(shelf)
