"""What one would type with pandas: all rows in a frame, and one call that writes them.

It makes the same rows as tests/unit/exports/making.py.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

DUE = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)
COLUMNS = [
    "job_id",
    "schedule_id",
    "schedule_name",
    "project_id",
    "task_type",
    "status",
    "due_at",
    "started_at",
    "finished_at",
    "duration_seconds",
    "lateness_seconds",
    "attempts",
    "occurrences",
    "reason",
    "error",
]


def rows(count: int) -> Iterator[tuple[object, ...]]:
    for n in range(count):
        at = DUE - timedelta(minutes=10 * (count - n))
        failed = n % 10 == 9
        yield (
            f"s{n % 7}-{at:%Y%m%dT%H%M%SZ}",
            f"s{n % 7}",
            f"Nightly {n % 7}",
            7,
            "backup",
            "failed" if failed else "succeeded",
            at,
            at,
            at + timedelta(seconds=90),
            90.5,
            0.25,
            1,
            1,
            None,
            "shop answered 503" if failed else None,
        )


def write(format: str, count: int) -> dict[str, float]:
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out"
        frame = pd.DataFrame(rows(count), columns=COLUMNS)
        if format == "csv":
            frame.to_csv(path, index=False, quoting=2)
        elif format == "ndjson":
            frame.to_json(path, orient="records", lines=True, date_format="iso")
        elif format == "json":
            frame.to_json(path, orient="records", date_format="iso")
        elif format == "markdown":
            path.write_text(frame.to_markdown(index=False))
        elif format == "html":
            path.write_text(frame.to_html(index=False))
        elif format == "parquet":
            frame.to_parquet(path, compression="zstd", row_group_size=50_000)
        elif format == "xlsx":
            for one in ("due_at", "started_at", "finished_at"):  # Excel's times have no zone
                frame[one] = frame[one].dt.tz_localize(None)
            most = 1_048_575
            with pd.ExcelWriter(path, engine="xlsxwriter") as book:
                for number, at in enumerate(range(0, len(frame), most), start=1):
                    frame[at : at + most].to_excel(book, sheet_name=f"Runs {number}", index=False)
        else:
            sys.exit(f"pandas writes no {format}")
        size = path.stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1_000_000
    return {"bytes": size, "seconds": time.perf_counter() - begin, "peak": peak}


if __name__ == "__main__":
    print(json.dumps(write(**json.loads(sys.argv[2]))))
