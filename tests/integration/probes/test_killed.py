"""Workers that are killed (SIGKILL) at each step of a health check: it counts once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from local.azurite import Azurite
from shared.probes.params import HealthCheck
from tests.integration.kills.steps import END, answer_to
from tests.integration.probes import killed
from tests.integration.probes.conftest import START, Desk
from tests.serving import serving

ASKED = "GET /"


class Broken(BaseHTTPRequestHandler):
    """It answers 500."""

    def do_GET(self) -> None:
        self.send_error(500)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with serving(Broken) as found:
        yield f"{found}/"


def test_a_worker_may_be_killed_at_any_step(
    azurite: Azurite, desk: Desk, url: str, tmp_path: Path
) -> None:
    environ = {
        **os.environ,
        "AzureWebJobsStorage": azurite.connection_string,
        "BELFRY_PREFIX": desk.engine.app.settings.prefix,
        "SCHEDULE_SHARDS": "2",
        "OUTGOING_RANGES": "127.0.0.0/8",
    }
    command = [sys.executable, killed.__file__, str(azurite.ports[2]), url, START.isoformat()]
    done = subprocess.run(
        [*command, str(tmp_path)], capture_output=True, text=True, env=environ, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    assert {ASKED, answer_to(ASKED), END} <= set(found.values()), found
    ends = set()
    desk.engine.later(90)
    for schedule_id in found:
        again = killed.job(schedule_id, START, attempt=2)
        wanted = HealthCheck.model_validate(killed.WANTED | {"url": url})
        result = desk.probes.check(again, wanted)
        check = desk.store.check(7, schedule_id)
        assert check is not None and result["status"] == "down"
        keys = [row["RowKey"] for row in desk.store._rows(7, schedule_id, "RowKey ge ''")]
        mine = {key.split(":")[0] for key in keys if key.split(":")[1].split("-")[0] == schedule_id}
        ends.add((check.runs, check.state.failing, *sorted(mine), result["said"]))
    assert len(ends) == 1
    assert next(iter(ends))[:-1] == (1, 1, "check", "day", "event", "raw")
