"""Tracing: what a request or a tick causes, as a tree of *spans* (docs/tracing.md).

parent   pure: the text by which a span is named elsewhere (`traceparent`)
spans    what the app calls: begin a span, continue a trace
setup    turns tracing on in a process, and sends what is left at its end
sdk      makes the spans, with OpenTelemetry
console  writes each span as a line of the log
azure    sends spans to Application Insights

Off, which is the default, nothing of OpenTelemetry is imported, and every call does nothing.
"""

from __future__ import annotations

from shared.tracing.parent import trace_id
from shared.tracing.spans import (
    NOTHING,
    Kind,
    Span,
    Tracer,
    Value,
    begin,
    call,
    carried,
    continued,
    is_on,
    span,
    use,
)

__all__ = [
    "NOTHING",
    "Kind",
    "Span",
    "Tracer",
    "Value",
    "begin",
    "call",
    "carried",
    "continued",
    "is_on",
    "span",
    "trace_id",
    "use",
]
