"""Stripe's client, as Belfry uses it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from shared import tracing
from shared.settings import StripeSettings

if TYPE_CHECKING:
    from stripe import StripeClient

TIMEOUTS = (5, 25)
"""Seconds to connect, and for an answer; the library's own 80 s are longer than a job's lease."""
RETRIES = 1
"""Of a call that got no answer, 409 or 5xx; by the same idempotency key, after about half a second.
A client makes none by itself. More is for the next run: what is not done stays written down."""


def client(
    settings: StripeSettings, retries: int = RETRIES, timeouts: tuple[float, float] = TIMEOUTS
) -> StripeClient:
    """A client for the account of the settings' key; it reports nothing about this process."""
    import stripe

    stripe.enable_telemetry = False
    logging.getLogger("stripe").setLevel(logging.WARNING)  # it logs each URL and error
    return stripe.StripeClient(
        settings.api_key.reveal(),
        base_addresses={
            "api": settings.url,
            "connect": settings.url,
            "files": settings.url,
            "meter_events": settings.url,
        },
        max_network_retries=retries,
        http_client=_http(timeouts),
    )


def _http(timeouts: tuple[float, float]) -> Any:
    """Stripe's own HTTP client, with a span for each request."""
    import stripe

    class Traced(stripe.RequestsClient):
        def request(self, method: str, url: str, *given: Any, **named: Any) -> Any:
            with tracing.call(method.upper(), url) as call:
                answer = super().request(method, url, *given, **named)
                call.answered(answer[1])
            return answer

    return Traced(timeout=timeouts)
