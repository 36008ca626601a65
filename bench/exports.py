"""How fast rows become a file of each format, and in how much memory, beside pandas.

`python bench/exports.py [--quick | --tiny]` from the root. Both get the same rows of runs, made as
they are asked for, and write a full report to the disk: pandas from a frame of all rows, as one
would do by hand, with the same library for the format (XlsxWriter, pyarrow). Each is a process of
its own; pandas is in an environment of its own. Reading from storage is not in it, nor is it in
what pandas takes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.belfry.measuring import choice
from bench.peers import Absent
from bench.peers.environment import Failed, install, told
from bench.peers.environment import run as ask

_SIZES = {"full": 1_000_000, "quick": 100_000, "tiny": 300}
_FORMATS = ("csv", "ndjson", "json", "markdown", "html", "xlsx", "parquet", "pdf")
_PACKAGES = (
    "pandas==3.1.1",
    "numpy==2.5.5",
    "python-dateutil==2.9.0.post0",
    "pytz==2026.6",
    "six==1.17.0",
    "tabulate==0.10.0",
    "tzdata==2026.6",
    "xlsxwriter==3.3.1",
    "pyarrow==26.0.1",
)
_FOLDER = Path(__file__).resolve().parent.parent / ".local" / "bench-pandas"
_MB = 1_000_000
_LONGEST = 3_600


def one(format: str, count: int) -> Mapping[str, float]:
    """Write the file in this process: bytes, seconds, and the most memory in MB."""
    import resource

    from shared.exports.formats import writer
    from shared.exports.kinds import Format
    from tests.unit.exports.making import report, runs

    begin, size = time.perf_counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out"
        with path.open("wb") as file:
            for piece in writer(Format(format)).pieces(report(runs(count)), Path(folder)):
                size += file.write(piece)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _MB
    return {"bytes": size, "seconds": time.perf_counter() - begin, "peak": peak}


def alone(format: str, count: int) -> Mapping[str, float]:
    """The same, in a process of its own."""
    command = [sys.executable, __file__, "--one", format, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: Mapping[str, float] = json.loads(done.stdout)
    return found


@told
def pandas(format: str, count: int) -> Mapping[str, float]:
    """What pandas takes. Raises `Failed`."""
    python = install(_FOLDER, _PACKAGES)
    if isinstance(python, Absent):
        raise Failed(python.why)
    found: Mapping[str, float] = ask(
        python, "exports_with_pandas.py", "write", _LONGEST, {}, format=format, count=count
    )
    return found


def main() -> None:
    """Print the table."""
    size = choice(__doc__, "fewer rows")
    count = _SIZES[size]
    print(f"{count:,} rows of runs, 15 columns")
    print(f"  {'':10}{'MB':>8}{'s':>8}{'rows/s':>10}{'MB/s':>7}{'peak MB':>9}   pandas: s, peak MB")
    for format in _FORMATS:
        own = alone(format, count)
        other = pandas(format, count) if size != "tiny" else Absent(why="not asked if tiny")
        line = (
            f"  {format:10}{own['bytes'] / _MB:8.1f}{own['seconds']:8.1f}"
            f"{count / own['seconds']:10,.0f}{own['bytes'] / _MB / own['seconds']:7.1f}"
            f"{own['peak']:9.0f}   "
        )
        if isinstance(other, Absent):
            print(f"{line}none: {other.why}", flush=True)
            continue
        print(
            f"{line}{other['seconds']:.1f}, {other['peak']:.0f}: "
            f"{other['seconds'] / own['seconds']:.2f} of its speed, "
            f"{own['peak'] / other['peak']:.2f} of its memory",
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(one(sys.argv[2], int(sys.argv[3]))))
    else:
        main()
