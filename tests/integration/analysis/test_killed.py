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
    whole = lab.run(job=lab.job(number=99))
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
    for number in range(1, 1 + len(killed.TIMES)):
        again = lab.run(job=lab.job(number=number, attempt=2))
        assert again["findings_same"] == whole["findings_new"] == 6
        for name in ("files", "bytes", "tools", "by_severity", "complete", "findings_gone"):
            assert again[name] == whole[name], name
    assert len(lab.service().all({7})) == 1 + len(killed.TIMES)
    assert not list(Path(tempfile.gettempdir()).glob("belfry-analysis-*"))
