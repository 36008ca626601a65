"""Senders that are killed (SIGKILL) at each step of a delivery: nothing is lost, what comes again
has the same id, and the rows are as without a kill."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from local.azurite import Azurite
from shared.clock import ManualClock, SystemClock
from shared.webhooks.model import HELD, DeliveryStatus
from shared.webhooks.port import Asked
from tests.integration.kills.steps import END, answer_to
from tests.integration.webhooks import killed
from tests.integration.webhooks.world import Receiver, World

SENT = "POST /hook"


def test_a_sender_may_be_killed_at_any_step(
    azurite: Azurite, receiver: Receiver, tmp_path: Path
) -> None:
    port = azurite.ports[2]
    command = [sys.executable, killed.__file__, azurite.connection_string, str(port)]
    command += [f"{receiver.url}/hook", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    steps = list(found.values())
    assert len(steps) >= 7 and {SENT, answer_to(SENT), END} <= set(steps)
    # those that were killed later have sent it once, and so has the one that was not killed
    assert len(receiver.got) == len(steps) - steps.index(SENT)
    ends = set()
    for table, step in found.items():
        receiver.got.clear()
        clock = ManualClock(SystemClock().now() + HELD + timedelta(minutes=1))
        world = World(azurite.connection_string, clock, table)
        world.known.add(f"{receiver.url}/hook")
        one = world.service.deliver(world.wanted(), world.stop)  # the job's next attempt
        world.flush()
        one = world.service.get("15", 1, one.id)
        assert one.status is DeliveryStatus.DELIVERED, step
        # sent anew, unless it was written down that it had arrived
        assert [got.id for got in receiver.got] == ([] if step == END else [one.id]), step
        rows = sorted(row["RowKey"].partition(":")[0] for row in world.store._opened().query(""))
        assert world.service.page("15", 1, Asked(status=one.status), 1, 9)[1] == 1, step
        ends.add((*rows, one.id, one.body))
    assert len(ends) == 1
    assert next(iter(ends))[:4] == ("count", "delivery", "ended", "endpoint")
