"""What the reckoning of the costs takes for granted is so."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from bench.belfry import cost
from bench.belfry.cost import PerRun
from bench.belfry.counted import Counted
from shared.storage.queues.jobs import AHEAD
from tests.unit.test_architecture import fresh


def test_every_queue_is_polled() -> None:
    code = (
        "import function_app as f; "
        "print(*[b.queue_name for x in f.app.get_functions() for b in x.get_bindings()"
        " if b.type == 'queueTrigger'])"
    )
    queues = fresh(code)
    assert len(queues) == len(set(queues)) == cost._QUEUES
    host = json.loads(Path("host.json").read_text())["extensions"]["queues"]
    assert host["maxPollingInterval"] == "00:00:01" and cost._POLLS_A_SECOND == 1
    assert AHEAD < timedelta(seconds=cost._SECONDS_OF_A_MESSAGE) < 2 * AHEAD


def test_to_count_a_queue_is_a_request_to_a_queue() -> None:
    counted = Counted()
    for url in ("http://h:1/a/belfry-jobs?comp=metadata", "http://h:1/a/belfry-jobs/messages"):
        counted.note("GET", url, b"", 0)
    counted.note("GET", "http://h:2/a/belfryschedules()?$top=1", b"", 0)
    counts = counted.take()
    assert (counts.queue_requests, counts.table_requests) == (2, 1)


def test_a_table_of_what_it_costs() -> None:
    alone, together = PerRun(table=5, queue=5, executions=1), PerRun(table=1, queue=1, executions=0)
    head, _, *rows = cost.table(alone, together, 8)
    assert "list prices" in head
    found = [[float(cell.replace(",", "")) for cell in row.split()] for row in rows]
    assert [row[0] for row in found] == [1_000, 100_000, 10_000_000]
    for _, idle, one_by_one, at_once in found:
        assert idle == found[0][1] > 0 and one_by_one > at_once
