"""What the company's tasks cost at scale, each beside the plain SQL that finds the same rows.

`--quick` is for a tenth of the size, `--tiny` for a look whether it still works.

PostgreSQL with 1,000,000 appointments, 200,000 owners and 1,000 tenants; storage is Azurite, on the
same machine and its two cores. Each task is a process of its own, as from the command line
(`python -m functions NAME`), run twice: the second time, all is done already. Without a vendor's
key, each message stays in the outbox: that is what is measured, and not Twilio. Peak memory has the
interpreter and all libraries in it. Run from the root: `python bench/tasks.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.backup.one import peak_of
from bench.company import plain
from bench.company.fill import Size, fill

_REPO = Path(__file__).resolve().parents[1]
_FULL = Size(tenants=1_000, owners=200_000, appointments=1_000_000)
_QUICK = Size(tenants=100, owners=20_000, appointments=100_000)
_TINY = Size(tenants=5, owners=200, appointments=2_000)
_MOST_MEMORY = 200
_MB = 1_000_000
_LOOK = 0.02


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of a task."""

    seconds: float
    """Of the job: without the start of the interpreter."""
    peak: int
    """Bytes."""
    result: dict[str, object]


def run(task: str, environment: dict[str, str]) -> Ran:
    """Run the task in a process of its own. Raises `RuntimeError` with its output if it fails."""
    command = [sys.executable, "-m", "functions", task]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, cwd=_REPO, env=environment, stdout=subprocess.PIPE, stderr=log
        )
        peak = 0
        while process.poll() is None:
            peak = max(peak, peak_of(process.pid))
            time.sleep(_LOOK)
        assert process.stdout is not None
        said = process.stdout.read()
        if process.returncode:
            log.seek(0)
            raise RuntimeError(f"{task}: {said.decode()}\n{log.read().decode()[-4000:]}")
    job = json.loads(said)
    return Ran(job["duration_seconds"], peak, job["result"])


def measured(url: str, environment: dict[str, str]) -> Iterator[str]:
    """A line for each task, and what is to be shown."""
    yield (
        f"  {'task':28} {'rows':>7} {'plain SQL':>10} {'task':>9} {'a row':>9} "
        f"{'again':>9} {'peak':>7}"
    )
    most = 0
    for task, query in plain.QUERIES.items():
        rows, seconds = plain.run(url, query)
        first, again = run(task, environment), run(task, environment)
        most = max(most, first.peak, again.peak)
        yield (
            f"  {task:28} {rows:7} {seconds:8.2f} s {first.seconds:7.2f} s "
            f"{first.seconds / max(rows, 1) * 1000:6.1f} ms {again.seconds:7.2f} s "
            f"{max(first.peak, again.peak) / _MB:4.0f} MB"
        )
    yield f"  memory: {most / _MB:.0f} MB at the most; to be below {_MOST_MEMORY}"


def main() -> None:
    """Print the table."""
    from local import azurite, postgres

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    parser.add_argument("--tiny", action="store_true", help="whether it still works, no more")
    arguments, _ = parser.parse_known_args()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it takes minutes
    size = _TINY if arguments.tiny else _QUICK if arguments.quick else _FULL
    with (
        tempfile.TemporaryDirectory(prefix="belfry-bench-", ignore_cleanup_errors=True) as name,
        azurite.start(Path(name) / "azurite") as storage,
        postgres.start(Path(name) / "postgres") as server,
    ):
        url = server.url("company")
        fill(url, server.url("postgres"), size)
        environment = os.environ | {
            "AzureWebJobsStorage": storage.connection_string,
            "DATABASE_URL": url,
        }
        print(f"The company's tasks: {size}")
        for line in measured(url, environment):
            print(line)


if __name__ == "__main__":
    main()
