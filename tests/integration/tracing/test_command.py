"""A task that a person runs: a trace of its own, whose last spans are sent before it ends."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable

from tests.integration.test_cli import prefix, run
from tests.vendors.insights import insights

__all__ = ["prefix", "run"]

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_its_spans_are_lines_of_the_log(run: Run) -> None:
    done = run("schedule_cleanup", TRACING="console")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "succeeded"
    lines = [line for line in done.stderr.splitlines() if " span name=" in line]
    asked, attempt = lines
    assert 'name="run schedule_cleanup"' in asked
    assert "name=schedule_cleanup" in attempt and "status=succeeded" in attempt
    (trace,) = {match for line in lines for match in re.findall(r"trace_id=(\w+)", line)}
    (began,) = (line for line in done.stderr.splitlines() if " job_started " in line)
    assert f"trace_id={trace}" in began


def test_its_spans_reach_application_insights(run: Run) -> None:
    with insights() as endpoint:
        done = run("schedule_cleanup", **endpoint.environ)
        assert done.returncode == 0, done.stderr
    assert len(endpoint.operations()) == 1
    names = {one["name"] for one in endpoint.items("Request")}
    assert names == {"run schedule_cleanup", "schedule_cleanup"}
