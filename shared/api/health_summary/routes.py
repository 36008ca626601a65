"""`GET /api/health/summary`. All who ask at one time wait for one look, which takes two seconds at
most; what is not there by then is told as a reason.

Whatever fails, there is an answer: if the app cannot even be built, it says that it is unhealthy.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from shared.api.answers import UNCHANGED, Unless, told
from shared.api.deps import Asking, Provided
from shared.api.door import SUMMARY
from shared.api.health_summary.shapes import HealthSummaryOut, ShortSummaryOut
from shared.api.shown import Shown
from shared.api.within import Within
from shared.errors import BelfryError
from shared.health_summary.model import Health
from shared.health_summary.service import KEPT, Summary
from shared.log import Event, event

_logger = logging.getLogger("belfry.health")

_SECONDS = 10.0
"""How long an answer waits if the app is being built. A look takes less."""
_DOWN = ShortSummaryOut(status=Health.UNHEALTHY, uptime_seconds=None)
_HEADERS = {
    "Cache-Control": {"description": "It may be so old.", "schema": {"type": "string"}},
    **UNCHANGED[200]["headers"],
}
_ANSWERS: dict[int | str, dict[str, Any]] = {200: {"headers": _HEADERS}, 304: {}}


class Asked:
    """Asks for the summary: those who ask at one time in one event loop wait for one thread."""

    def __init__(self) -> None:
        self._within = Within("summary", most=1)
        self._task: asyncio.Task[Summary | None] | None = None

    async def summary(self, app: Provided) -> Summary | None:
        """The summary; None if there is no app that could tell."""
        task = self._task
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            task = self._task = asyncio.create_task(self._look(app))
        return await asyncio.shield(task)

    async def _look(self, app: Provided) -> Summary | None:
        try:
            return await self._within(_SECONDS, lambda: app().health_summary().summary())
        except BelfryError as error:
            event(_logger, Event.HEALTH_PART_FAILED, part="app", error=str(error))
            return None


async def _asked(request: Request) -> Asked:
    """One of each app."""
    state = request.app.state
    if not hasattr(state, "asked"):
        state.asked = Asked()
    found: Asked = state.asked
    return found


router = APIRouter(tags=["health"])


@router.get(SUMMARY, response_model=HealthSummaryOut | ShortSummaryOut, responses=_ANSWERS)
async def read_health_summary(
    app: Provided, asking: Asking, asked: Annotated[Asked, Depends(_asked)], unless: Unless
) -> Response:
    """How Belfry itself is: `healthy`, `degraded` or `unhealthy`, why, since when, and what to do.

    It needs no key in its short form: `status` and `uptime_seconds`, which callers of some projects
    get as well. The status of the answer is 200 also if Belfry is unhealthy. It may be five seconds
    old.
    """
    found = await asked.summary(app)
    whole = asking.projects is None
    if found is None:
        shown: Shown = _DOWN
    else:
        shown = HealthSummaryOut.of(found) if whole else ShortSummaryOut.model_validate(found)
    answer = unless(told(shown, headers={"ETag": _etag(shown)}))
    whose = "private" if whole else "public"
    answer.headers["Cache-Control"] = f"{whose}, max-age={int(KEPT.total_seconds())}"
    answer.headers["Vary"] = "Authorization, Cookie"
    return answer


def _etag(shown: Shown) -> str:
    return f'"{hashlib.sha256(shown.model_dump_json(by_alias=True).encode()).hexdigest()[:24]}"'
