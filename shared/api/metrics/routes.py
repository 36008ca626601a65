"""`/metrics`: what Prometheus scrapes (C18)."""

from __future__ import annotations

from fastapi import APIRouter, Response

from shared.api.deps import Asking, Provided

router = APIRouter(tags=["metrics"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def scrape_metrics(app: Provided, asking: Asking) -> Response:
    """Schedules, runs and the engine's state in Prometheus' text format.

    A caller of some projects gets the series of their schedules, and none about the engine. An
    answer may be five seconds old.
    """
    metrics = app().metrics
    return Response(metrics.text(asking.projects), media_type=metrics.content_type())
