"""Cold import: what a function app pays before its first run.

`function_app` against importing azure-functions and FastAPI bare, which is what an app of this
kind usually does at once. Each import is in a fresh interpreter; medians of interleaved runs.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 9
CASES = {
    "azure.functions and fastapi, bare": "import azure.functions, fastapi",
    "function_app": "import function_app",
}
_REPO = Path(__file__).parents[1]


def seconds(code: str) -> float:
    """Wall time of a fresh interpreter that runs `code`, less nothing."""
    # bytecode is cached, as it is in a deployment
    known = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    storage = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ=="
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=_REPO,
        env=known | {"AzureWebJobsStorage": storage},
    )
    return time.perf_counter() - begin


def main(*, tiny: bool = False) -> None:
    """Print the table. `tiny`: of one run, to see that it works."""
    runs = 1 if tiny else RUNS
    samples: dict[str, list[float]] = {name: [] for name in ("python", *CASES)}
    for turn in range(runs + 1):
        for name, code in {"python": "pass", **CASES}.items():
            taken = seconds(code)
            if turn:  # the first fills the caches
                samples[name].append(taken)
    start = statistics.median(samples["python"])
    bare = statistics.median(samples["azure.functions and fastapi, bare"]) - start
    print(f"cold import, {runs} run(s) each, start of the interpreter taken off")
    for name in CASES:
        cost = statistics.median(samples[name]) - start
        print(f"  {name:36} {cost * 1000:6.0f} ms   {cost / bare:4.2f}")


if __name__ == "__main__":
    main(tiny="--tiny" in sys.argv)
