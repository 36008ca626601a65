"""Looking how many runs of workflows fail (alert `workflows_failing`): the rule is in `failing`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta

from shared.alerts import failing
from shared.alerts.failing import Rate
from shared.alerts.port import AlertKind, AlertService, WorkflowRuns
from shared.tasks import JobContext

ABOUT = "workflows"
"""What the alert is about."""
_HOUR = timedelta(hours=1)


class WorkflowWatch:
    """The service (`port.WorkflowMonitor`)."""

    def __init__(
        self, runs: Callable[[], WorkflowRuns] | None, alerts: Callable[[], AlertService]
    ) -> None:
        """`runs`: None where there are no workflows."""
        self._runs = runs
        self._alerts = alerts

    def watch(self, job: JobContext) -> Mapping[str, object]:
        """As the port says."""
        if self._runs is None:
            return {}
        made = self._runs()
        found = failing.judged(
            self._rate(made, failing.DAY, job), self._rate(made, failing.WEEK, job)
        )
        bad = found is not None and found.above
        if not job.dry_run:
            self._tell(found, bad, job)
        counts = {} if found is None else {"ended": found.ended, "failed": found.failed}
        return {**counts, "alert": bad}

    def _rate(self, runs: WorkflowRuns, span: timedelta, job: JobContext) -> Rate:
        now = job.clock.now()
        return Rate(span // _HOUR, *runs.runs(now - span, now))

    def _tell(self, found: Rate | None, bad: bool, job: JobContext) -> None:
        if bad:
            job.log(str(found), level=logging.WARNING)
            self._alerts().open(AlertKind.WORKFLOWS_FAILING, ABOUT, f"{found}.")
        else:
            said = f"{found}." if found is not None else "Too few runs ended to say more."
            self._alerts().close(AlertKind.WORKFLOWS_FAILING, ABOUT, said)
