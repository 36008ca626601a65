"""Analyses in processes that are killed, each at another time: `python killed.py GIVEN`, with the
lab as JSON. Writes the process id of the tool that was at work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from shared.analysis.sandbox import Sandbox  # noqa: E402
from shared.analysis.store import Store  # noqa: E402
from shared.clock import ManualClock  # noqa: E402
from shared.settings import Secret, StorageAccount  # noqa: E402
from shared.storage.connect import Connection  # noqa: E402
from tests.certificate import Certificate  # noqa: E402
from tests.integration.analysis.conftest import NOON, Lab, Resources  # noqa: E402
from tests.integration.analysis.probe import QUIET  # noqa: E402
from tests.vendors.git import GitServer, Source  # noqa: E402

AT_WORK = "a tool is at work"
TIMES = (AT_WORK, "before the rows")
"""When a process is killed; the number of its job is its place here, from 1 on."""


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at(time: str, told: Path) -> None:
    """Have this process killed then."""
    wait = Sandbox._wait

    def at_work(self: Sandbox, program: subprocess.Popen[bytes], step: str) -> int:
        if step == "ruff":
            told.write_text(str(program.pid))
            die()
        return wait(self, program, step)

    if time == AT_WORK:
        Sandbox._wait = at_work  # type: ignore[method-assign]
    else:
        Store.add = die  # type: ignore[method-assign, assignment]


def main(given: str) -> None:
    said = json.loads(given)
    account = StorageAccount(connection_string=Secret(said["storage"]))
    connection, table = Connection(account), said["table"]
    store = Store(connection.table(table), connection.blobs(f"{table}-analysis"))
    server = GitServer(Path(said["root"]), said["url"])
    file = Path(said["certificate"])
    clock = ManualClock(NOON + timedelta(hours=1))
    lab = Lab(server, account, table, Certificate(file, file), store, Resources(), clock)
    lab.modules = QUIET
    lab.resources.add("42", 7, f"{server.url}/42")
    source = Source(server.root / "42")
    for number, time in enumerate(TIMES, start=1):
        source.commit({"do.ruff": "loop" if time == AT_WORK else "list"})
        pid = os.fork()
        if pid == 0:
            kill_at(time, Path(said["told"]))
            lab.run(job=lab.job(number=number))
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, (time, status)


if __name__ == "__main__":
    main(sys.argv[1])
