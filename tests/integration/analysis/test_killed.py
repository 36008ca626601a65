"""Workers that are killed (SIGKILL) in the middle of an analysis."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from tests.integration.analysis import killed
from tests.integration.analysis.conftest import Lab
from tests.integration.analysis.probe import QUIET
from tests.waiting import until


def test_the_next_attempt_ends_as_one_that_was_not_killed(lab: Lab, tmp_path: Path) -> None:
    lab.modules, told = QUIET, tmp_path / "told"
    lab.source().commit({"do": "list", "do.ruff": "list"})
    given = {
        "storage": lab.account.connection_string.reveal(),
        "table": lab.table,
        "root": str(lab.server.root),
        "url": lab.server.url,
        "certificate": str(lab.certificate.file),
        "told": str(told),
    }
    command = [sys.executable, killed.__file__, json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    tool = Path("/proc", told.read_text(), "stat")
    until(lambda: not tool.exists() or tool.read_text().split(") ")[1][0] in "ZX")
    lab.clock.advance(timedelta(hours=2))
    results = [lab.run(job=lab.job(number=number, attempt=2)) for number in (1, 2)]
    assert [(one["findings_new"], one["findings_same"]) for one in results] == [(6, 0), (0, 6)]
    assert all(one["complete"] and one["files"] == 2 for one in results)
    assert len(lab.service().page({7}, None, 1, 100)[0]) == len(killed.TIMES) == 2
    assert not list(Path(tempfile.gettempdir()).glob("belfry-analysis-*"))
