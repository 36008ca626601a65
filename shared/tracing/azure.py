"""Sends spans to Application Insights, with Microsoft's exporter.

The exporter is imported and made when the first spans are sent, in the thread that sends them: it
imports much, and no job is to wait for that. (A process that may be over by then makes it at once:
while an interpreter goes down it cannot be imported, since that starts threads.)

It keeps nothing on disk, and reports nothing about this process to Microsoft (`_SILENT`). If
Application Insights refuses the spans or does not answer, they are dropped; the log says so once,
until it takes spans again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from shared.identity.tokens import credential
from shared.log import Event, event
from shared.settings import TracingSettings
from shared.settings.process import default

_logger = logging.getLogger("belfry.tracing")
_VENDOR = "azure.monitor.opentelemetry.exporter"
_SECONDS = 5
"""To connect, for an answer, and for all attempts of one batch together."""
_RETRIES = 2
_SILENT = (
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED",
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED",
)
"""Variables by which the exporter is told, in this order, to send no figures about itself to
Microsoft, none to the app's own Application Insights, to ask Microsoft for no settings, and to send
no line about the process with each batch."""


class AppInsights(SpanExporter):
    """The exporter, made when it is first used."""

    def __init__(self, settings: TracingSettings, *, at_once: bool = False) -> None:
        self._settings = settings
        self._fails = False
        self._vendor = logging.getLogger(f"{_VENDOR}.export._base")
        self._made = self._make() if at_once else None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send the spans. Raises nothing."""
        try:
            if self._made is None:
                self._made = self._make()
            result = self._made.export(spans)
            problem = "it was not accepted"
        except Exception as error:  # whatever a library does: the spans are lost, and nothing else
            result, problem = SpanExportResult.FAILURE, f"{type(error).__name__}: {error}"
        if result is SpanExportResult.SUCCESS:
            self._fails = False
        elif not self._fails:
            self._fails = True
            event(
                _logger,
                Event.SPANS_DROPPED,
                level=logging.WARNING,
                spans=len(spans),
                error=problem,
            )
        return result

    def shutdown(self) -> None:
        """What was not sent by now is dropped."""
        self._vendor.removeFilter(self._is_news)

    def _is_news(self, _record: logging.LogRecord) -> bool:
        """Whether to log what the exporter says of a failure."""
        return not self._fails

    def _make(self) -> SpanExporter:
        for name in _SILENT:
            default(name, "true")
        from azure.core.pipeline.policies import SansIOHTTPPolicy
        from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter

        # It logs each batch; what it says of a refusal (a missing role) is worth a line, once.
        logging.getLogger(_VENDOR).setLevel(logging.ERROR)
        self._vendor.addFilter(self._is_news)
        made: SpanExporter = AzureMonitorTraceExporter(
            connection_string=self._settings.connection_string.reveal(),
            disable_offline_storage=True,
            timeout=_SECONDS,
            read_timeout=_SECONDS,
            retry_total=_RETRIES,
            http_logging_policy=SansIOHTTPPolicy(),
            **_signing_in(self._settings),
        )
        return made


def _signing_in(settings: TracingSettings) -> dict[str, Any]:
    """By the app's managed identity, if Application Insights is to know the app by it; else by the
    key in the connection string."""
    return {"credential": credential(settings.client_id)} if settings.by_identity else {}
