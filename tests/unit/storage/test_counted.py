"""Requests are counted for whoever asked, in whichever thread they are sent."""

from __future__ import annotations

import threading

from shared.storage.blobs.blocks import ahead
from shared.storage.connect import Connection
from shared.storage.counted import Requests, count, counting
from shared.threads import Pool, in_context
from tests.unit.storage.server import Server, says
from tests.unit.storage.test_read_only import account


def test_what_nobody_counts_is_not_counted() -> None:
    requests = Requests()
    with counting(requests):
        count("blobs")
    count("blobs")
    assert (requests.blobs, requests.tables) == (1, 0)


def test_threads_that_are_given_work_count_for_who_gave_it() -> None:
    mine, others = Requests(), Requests()
    with Pool(4, "test") as pool:
        with counting(others):
            pool.map(lambda _: count("tables"), range(20))
        with counting(mine):
            pool.map(lambda _: count("tables"), range(30))
            assert list(ahead(iter([lambda: count("blobs")] * 5), 3)) == [None] * 5
            thread = threading.Thread(target=in_context(lambda: count("blobs")))
        thread.start()
        thread.join()
    assert (mine.tables, mine.blobs) == (30, 6)
    assert (others.tables, others.blobs) == (20, 0)


def test_each_attempt_counts_for_its_service() -> None:
    requests = Requests()
    row = says(200, b'{"value":[]}')
    with Server(says(503), row, says(404), row) as server, counting(requests):
        to = Connection(account(server))
        assert list(to.table("t").query("")) == []
        assert (requests.tables, requests.blobs) == (2, 0)
        assert not to.container("c").exists()
        assert (requests.tables, requests.blobs) == (2, 1)
        assert list(to.cancellable(lambda: None).table("t").query("")) == []
    assert (requests.tables, requests.blobs) == (3, 1)
