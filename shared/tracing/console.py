"""Writes each span as a line of the log, when it ends: for a person at this machine.

`grep trace_id=...` shows a trace; a line's `parent_id` is the `span_id` of another.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from shared.log import Event, event

_logger = logging.getLogger("belfry.tracing")


class Lines(SpanExporter):
    """Writes the lines."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write one line for each."""
        for one in spans:
            event(_logger, Event.SPAN, **fields(one))
        return SpanExportResult.SUCCESS


def fields(span: ReadableSpan) -> dict[str, Any]:
    """What a line says of a span."""
    context = span.get_span_context()
    took = (span.end_time or 0) - (span.start_time or 0)
    return {
        "name": span.name,
        "kind": span.kind.name.lower(),
        "milliseconds": round(took / 1e6, 1),
        **(span.attributes or {}),
        "trace_id": None if context is None else f"{context.trace_id:032x}",
        "span_id": None if context is None else f"{context.span_id:016x}",
        "parent_id": None if span.parent is None else f"{span.parent.span_id:016x}",
    }
