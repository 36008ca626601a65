"""What tracing costs: at a cold start, for each span, and for each job; off, and on.

A cold start: importing `function_app` and turning tracing on as the settings say, each in a fresh
interpreter; medians of interleaved runs. Azure's exporter is imported in the background, when the
first spans are sent, and is shown apart. Times are of the processor, so that what else this machine
does is left out.
"""

from __future__ import annotations

import logging
import resource
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import cold_import
from shared import tracing
from shared.settings import Tracing, TracingSettings
from shared.tracing.setup import turn_on

_ON = (
    "import function_app\nfrom shared.settings import Tracing, TracingSettings\n"
    "from shared.tracing.setup import turn_on\nturn_on(TracingSettings(to=Tracing({to!r})))\n"
)
CASES = {
    "function_app": "import function_app",
    **{f"and TRACING={to}": _ON.format(to=to.value) for to in Tracing},
    "and its exporter, in the background": (
        _ON.format(to="azure") + "import azure.monitor.opentelemetry.exporter"
    ),
}


def cold(runs: int) -> None:
    """Print what a cold start costs."""
    samples: dict[str, list[float]] = {name: [] for name in CASES}
    for turn in range(runs):
        for name, code in CASES.items():
            if turn == 0 and runs > 1:
                _seconds(code)  # fills the caches
            samples[name].append(_seconds(code))
    base = statistics.median(samples["function_app"])
    print(f"cold start, {runs} run(s) each: what comes to importing function_app")
    for name in list(CASES)[1:]:
        print(f"  {name:36} {(statistics.median(samples[name]) - base) * 1000:+6.0f} ms")


def _seconds(code: str) -> float:
    """Processor time of a fresh interpreter that runs `code`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    cold_import.seconds(code)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def spans(count: int) -> None:
    """Print what a span costs, begun, with four attributes, and ended."""
    print(f"a span with four attributes, {count} each")
    cases = {
        "off": TracingSettings(),
        "on, sent in batches to nowhere": _nowhere(1.0),
        "on, of a trace that is not kept": _nowhere(0.0),
    }
    for name, settings in cases.items():
        finish = turn_on(settings, 0.0)
        begun = time.thread_time()
        for number in range(count):
            with tracing.span("bench", tracing.Kind.CONSUMER, a=number, b="b", c=True, d=1.5):
                pass
        took = time.thread_time() - begun
        finish()
        print(f"  {name:36} {took / count * 1e6:6.1f} us")


def _nowhere(ratio: float) -> TracingSettings:
    """Nobody listens at this address, so what is sent is lost at once."""
    from shared.settings import Secret

    text = "InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=http://127.0.0.1:9/"
    return TracingSettings(to=Tracing.AZURE, ratio=ratio, connection_string=Secret(text))


def main(*, tiny: bool = False) -> None:
    """Print all. `tiny`: of little, to see that it works."""
    logging.getLogger().addHandler(logging.NullHandler())  # that spans are dropped is no news here
    cold(1 if tiny else cold_import.RUNS)
    spans(1_000 if tiny else 50_000)


if __name__ == "__main__":
    main(tiny="--tiny" in sys.argv)
