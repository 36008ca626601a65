"""The spans that a test's code makes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import tracing
from shared.tracing.sdk import SdkTracer

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = f"00-{TRACE}-00f067aa0ba902b7-01"
"""A caller's `traceparent`."""


def trace_of(span: ReadableSpan) -> str:
    """The id of its trace."""
    context = span.get_span_context()
    assert context is not None
    return f"{context.trace_id:032x}"


def id_of(span: ReadableSpan) -> int:
    context = span.get_span_context()
    assert context is not None
    return context.span_id


@dataclass
class Spans:
    """Those that have ended, in the order of their ends."""

    kept: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    def all(self) -> tuple[ReadableSpan, ...]:
        return self.kept.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        return [one for one in self.all() if one.name == name]

    def one(self, name: str) -> ReadableSpan:
        """The only one of that name."""
        (found,) = self.named(name)
        return found


@contextmanager
def recorded(ratio: float = 1.0) -> Iterator[Spans]:
    """Tracing is on in the block."""
    spans = Spans()
    with exported(spans.kept, ratio):
        yield spans


@contextmanager
def exported(exporter: SpanExporter, ratio: float = 1.0) -> Iterator[None]:
    """Each span that ends in the block goes to `exporter`."""
    tracer = SdkTracer("belfry", SimpleSpanProcessor(exporter), ratio)
    tracing.use(tracer)
    try:
        yield
    finally:
        tracing.use(None)
        tracer.shutdown()
