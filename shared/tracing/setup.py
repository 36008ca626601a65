"""Turns tracing on in a process, as its settings say. Off, it imports nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.settings import Tracing, TracingSettings
from shared.tracing.spans import use

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

PATIENCE = 2.0
"""Seconds that the end of a process waits for its last spans to be sent."""


def turn_on(
    settings: TracingSettings, patience: float = PATIENCE, *, short: bool = False
) -> Callable[[], None]:
    """Make spans from now on, if the settings say so. Returns what sends the last ones, within
    `patience` (in seconds); call it at the process's end. `short`: the process may be over in a few
    seconds, such as a person's command."""
    if settings.to is Tracing.OFF:
        use(None)
        return _nothing
    from shared.tracing.sdk import SdkTracer

    tracer = SdkTracer(settings.service, _processor(settings, patience, short), settings.ratio)
    use(tracer)

    def finish() -> None:
        use(None)
        tracer.shutdown()

    return finish


def _nothing() -> None:
    """Nothing was begun, so nothing is left."""


def _processor(settings: TracingSettings, patience: float, short: bool) -> SpanProcessor:
    if settings.to is Tracing.CONSOLE:
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor

        from shared.tracing.console import Lines

        return SimpleSpanProcessor(Lines())
    from shared.tracing.azure import AppInsights
    from shared.tracing.sdk import Batches

    return Batches(AppInsights(settings, at_once=short), patience)
