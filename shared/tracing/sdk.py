"""Makes spans with OpenTelemetry's SDK. Importing this imports the SDK.

The provider is Belfry's own, and not the process's: so no library makes spans of its own accord,
whose URLs might hold secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import Decision, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode

from shared.tracing.parent import Parent
from shared.tracing.spans import Kind, Value

_KINDS = {one: SpanKind[one.name] for one in Kind}


class SdkTracer:
    """A tracer that gives its spans to `processor`."""

    def __init__(self, service: str, processor: SpanProcessor, ratio: float = 1.0) -> None:
        """`service`: the app's name. `ratio`: which part of all traces is kept."""
        self._provider = TracerProvider(
            sampler=ByTrace(ratio),
            resource=Resource({"service.name": service}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("belfry")

    def begin(
        self,
        name: str,
        kind: Kind,
        parent: Parent | None,
        attributes: Mapping[str, Value | None],
    ) -> SdkSpan:
        """Begin a span."""
        given = {key: value for key, value in attributes.items() if value is not None}
        context = _within(parent) if parent is not None else Context()
        made = self._tracer.start_span(name, context, _KINDS[kind], given)
        return SdkSpan(made)

    def shutdown(self) -> None:
        """Give away what is left, as the processor does it."""
        self._provider.shutdown()


class SdkSpan:
    """A span of the SDK."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        said = span.get_span_context()
        named = Parent(f"{said.trace_id:032x}", f"{said.span_id:016x}", said.trace_flags.sampled)
        self.traceparent = named.text()

    def set(self, attributes: Mapping[str, Value | None]) -> None:
        for name, value in attributes.items():
            if value is not None:
                self._span.set_attribute(name, value)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def fail(self, kind: str, said: str = "") -> None:
        self._span.set_status(Status(StatusCode.ERROR, said or kind))
        # Application Insights keeps neither a status's text nor `error.type`
        self.set({"error.type": kind, "error": f"{kind}: {said}" if said else kind})

    def end(self) -> None:
        self._span.end()


class ByTrace(TraceIdRatioBased):
    """Keeps a part of all traces, by their ids alone: so all processes decide alike, and neither a
    caller's `traceparent` nor the host's, which may ask for the contrary, changes it."""

    def should_sample(self, *given: Any, **named: Any) -> SamplingResult:
        """Whether a span is kept; then it says of how many it is one (`_MS.sampleRate`, by which
        Application Insights counts)."""
        made = super().should_sample(*given, **named)
        if self.rate == 1 or made.decision is not Decision.RECORD_AND_SAMPLE:
            return made
        attributes = {**made.attributes, "_MS.sampleRate": 100 * self.rate}
        return SamplingResult(made.decision, attributes, made.trace_state)


class Batches(BatchSpanProcessor):
    """Sends spans in batches, in a thread of its own. What does not fit into the queue is dropped,
    and so is what is not sent in time at the end."""

    def __init__(self, exporter: SpanExporter, patience: float) -> None:
        """`patience`: seconds that a shutdown may take."""
        super().__init__(
            exporter,
            max_queue_size=_QUEUE,
            schedule_delay_millis=_DELAY,
            max_export_batch_size=_BATCH,
        )
        self._patience = patience

    def shutdown(self) -> None:
        # by itself, it waits for half a minute, or for ever if the exporter hangs
        self._batch_processor.shutdown(timeout_millis=int(self._patience * 1000))


_QUEUE, _BATCH = 4096, 512
_DELAY = 5_000
"""Milliseconds from one batch to the next, unless one is full before."""


def _within(parent: Parent) -> Context:
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if parent.recorded else 0)
    named = trace.SpanContext(int(parent.trace, 16), int(parent.span, 16), True, flags)
    return trace.set_span_in_context(trace.NonRecordingSpan(named), Context())
